import type { AlertLink, AlertSource, Observation, Thresholds } from '../../domain/alerting/observation.js'
import {
  observeBursts,
  observeDifferences,
  observeFailedRuns,
  observeGaps,
  observeLag,
  observeSchedules,
  observeUnreadable,
  type AnomalyBurst,
  type FailedRuns,
  type LagLimits,
  type ReconciledDifference,
  type WatchedGaps,
  type WatchedPartition,
  type WatchedReader,
  type WatchedSchedule,
} from '../../domain/alerting/watched.js'
import { asActivity } from '../activity-failure.js'
import { untilCancelled } from '../until-cancelled.js'
import type { DecidedLook } from './dead-letter-activities.js'
import { onceKnown } from '../once-known.js'

/** Sources that tell of single happenings: each of them is told once. */
export const HAPPENING_SOURCES = ['data-gaps', 'pipeline-runs', 'reconciliation', 'anomaly-burst'] as const
/** Sources that tell how things are now. */
export const STATE_SOURCES = ['detector-lag', 'archiver-lag', 'schedules'] as const
export type WatchedSource = (typeof HAPPENING_SOURCES)[number] | (typeof STATE_SOURCES)[number]

interface Span {
  readonly source: AlertSource
  readonly from: Date | null
  readonly to: Date
}

export interface WatchDeps {
  /** Up to when a source has been watched. */
  readonly readWatch: (source: AlertSource) => Promise<Date | undefined>
  readonly readGaps: (from: Date, to: Date) => Promise<readonly WatchedGaps[]>
  readonly readFailedRuns: (from: Date, to: Date) => Promise<readonly FailedRuns[]>
  readonly readDifferences: (from: Date, to: Date) => Promise<readonly ReconciledDifference[]>
  readonly readBursts: (from: Date, to: Date) => Promise<readonly AnomalyBurst[]>
  readonly readLag: (reader: WatchedReader, limits: LagLimits, nowMs: number) => Promise<readonly WatchedPartition[]>
  readonly readSchedules: () => Promise<readonly WatchedSchedule[]>
  /** Decides a look and moves the watches, all or nothing; once per look. */
  readonly recordWatchLook: (look: {
    readonly lookId: string
    readonly at: Date
    readonly observations: readonly Observation[]
    readonly sources: readonly AlertSource[]
    readonly spans: readonly Span[]
  }) => Promise<DecidedLook>
  readonly runLink: (workflowId: string) => AlertLink
  readonly scheduleLink: (scheduleId: string) => AlertLink
}

export interface WatchLimits {
  readonly lag: LagLimits
  /** Absent in looks that were asked for before the archive was watched. */
  readonly archiveLag?: LagLimits
  /** Sessions flagged by one rule in a minute. */
  readonly burst: Thresholds
}

export interface WatchRequest {
  readonly source: WatchedSource
  /** ISO 8601, from the workflow. */
  readonly at: string
  readonly limits: WatchLimits
}

/** What a source said. */
export interface Watched {
  readonly source: WatchedSource
  readonly observations: readonly Observation[]
  /** Of a source of happenings, as ISO 8601: what it was watched for. */
  readonly from: string | null
  readonly to: string | null
}

export interface WatchLook {
  readonly lookId: string
  readonly at: string
  readonly answered: readonly Watched[]
  readonly unreadable: readonly WatchedSource[]
}

/** What is written now may belong to a transaction that began so long ago: later looks see it. */
const SETTLED_MS = 30_000
/** How far back the first look goes. */
const FIRST_LOOK_MS = 3_600_000
/** After a long standstill, one look goes on by so much. */
const LONGEST_SPAN_MS = 3_600_000

/** Activities that ask what else needs people. All may be repeated. */
export const createWatchActivities = (deps: WatchDeps) => ({
  /** Asks one source. */
  watchSource: (request: WatchRequest): Promise<Watched> => asActivity(() => untilCancelled(watch(deps, request))),

  /** Decides what the sources have said. Only what a source that answered did not see can be over. */
  decideWatch: ({ lookId, at, answered, unreadable }: WatchLook): Promise<DecidedLook> =>
    asActivity(() =>
      onceKnown(() =>
        deps.recordWatchLook({
          lookId,
          at: new Date(at),
          observations: [...answered.flatMap((one) => one.observations), ...unreadable.map(observeUnreadable)],
          sources: ['watch', ...answered.map(({ source }) => source)],
          spans: answered.flatMap(({ source, from, to }) =>
            to === null ? [] : [{ source, from: from === null ? null : new Date(from), to: new Date(to) }],
          ),
        }),
      ),
    ),
})

export type WatchActivities = ReturnType<typeof createWatchActivities>

/** How things are now has no span. */
const STATE = { from: null, to: null } as const

const lag = async (deps: WatchDeps, reader: WatchedReader, limits: LagLimits, nowMs: number): Promise<Observation[]> =>
  observeLag(reader, await deps.readLag(reader, limits, nowMs), limits)

async function watch(deps: WatchDeps, { source, at, limits }: WatchRequest): Promise<Watched> {
  const nowMs = Date.parse(at)
  if (source === 'detector-lag')
    return { ...STATE, source, observations: await lag(deps, 'detector', limits.lag, nowMs) }
  if (source === 'archiver-lag')
    return { ...STATE, source, observations: await lag(deps, 'archiver', limits.archiveLag ?? limits.lag, nowMs) }
  if (source === 'schedules')
    return {
      ...{ ...STATE, source },
      observations: observeSchedules(await deps.readSchedules(), nowMs, deps.scheduleLink),
    }
  const since = await deps.readWatch(source)
  const from = since ?? new Date(nowMs - FIRST_LOOK_MS)
  const to = new Date(Math.max(from.getTime(), Math.min(nowMs - SETTLED_MS, from.getTime() + LONGEST_SPAN_MS)))
  const observations = await happenings(deps, source, from, to, limits)
  return { source, observations, from: since?.toISOString() ?? null, to: to.toISOString() }
}

async function happenings(
  deps: WatchDeps,
  source: (typeof HAPPENING_SOURCES)[number],
  from: Date,
  to: Date,
  limits: WatchLimits,
): Promise<Observation[]> {
  switch (source) {
    case 'data-gaps':
      return observeGaps(await deps.readGaps(from, to))
    case 'pipeline-runs':
      return observeFailedRuns(await deps.readFailedRuns(from, to), deps.runLink)
    case 'reconciliation':
      return observeDifferences(await deps.readDifferences(from, to))
    case 'anomaly-burst': {
      const seconds = (to.getTime() - from.getTime()) / 1_000
      return observeBursts(await deps.readBursts(from, to), seconds, limits.burst)
    }
  }
}
