import type { UtcDay } from '../utc-day.js'

/** How a day stands: what is archived of it, and what its published figures were made of. */
export interface DayState {
  readonly day: UtcDay
  /** In which its midnights are. */
  readonly timeZone: string
  readonly files: number
  readonly archivedRows: number
  /** Goes up whenever rows of the day are archived; 0 without any. */
  readonly archiveVersion: number
  /** Null before the first publication. */
  readonly published: {
    readonly atMs: number
    readonly archiveVersion: number
    readonly archivedRows: number
    readonly flaggedDigest: string
    readonly flaggedSessions: number
    readonly releasedDigest: string
    readonly timeZone: string
  } | null
  /** Tells one set of flagged sessions from another. */
  readonly flaggedDigest: string
  readonly flaggedSessions: number
  /** Tells one set of released records from another. */
  readonly releasedDigest: string
  /** Its anomalies were dropped: who was flagged on it is no longer known, and its figures stay as they are. */
  readonly isDropped: boolean
}

/** Why a day's figures are to be made again. */
export const STALE_REASONS = [
  'never_published',
  'late_data',
  'changed_verdicts',
  'released_records',
  'changed_time_zone',
] as const
export type StaleReason = (typeof STALE_REASONS)[number]

/** What a day's published figures do not know; empty when they are up to date. */
export function staleReasons({ published, isDropped, ...now }: DayState): StaleReason[] {
  const { timeZone, archiveVersion, flaggedDigest, releasedDigest } = now
  if (isDropped) return []
  if (published === null) return ['never_published']
  // Another day by the same name: what was counted of the two cannot be compared.
  if (published.timeZone !== timeZone) return ['changed_time_zone']
  return [
    ...(published.archiveVersion === archiveVersion ? [] : (['late_data'] as const)),
    ...(published.flaggedDigest === flaggedDigest ? [] : (['changed_verdicts'] as const)),
    ...(published.releasedDigest === releasedDigest ? [] : (['released_records'] as const)),
  ]
}
