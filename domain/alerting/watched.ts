import { addDays, utcDayOf, type UtcDay } from '../utc-day.js'
import { fingerprintOf, severityOf, type AlertLink, type Observation, type Thresholds } from './observation.js'

/** The data gaps of one partition and cause. */
export interface WatchedGaps {
  readonly topic: string
  readonly kafkaPartition: number
  /** Why they were not read. */
  readonly cause: string
  readonly gaps: number
  /** In all of them. */
  readonly offsets: number
  readonly firstOffset: number
}

/** Records that were not read are never a warning: they are lost, or have to be fetched by hand. */
export const observeGaps = (found: readonly WatchedGaps[]): Observation[] =>
  found.map(({ topic, kafkaPartition, cause, gaps, offsets, firstOffset }) => ({
    source: 'data-gaps',
    fingerprint: fingerprintOf('data-gaps', topic, String(kafkaPartition), cause),
    cause: `Records of ${topic}/${kafkaPartition} were not read (${cause})`,
    severity: 'critical',
    count: offsets,
    figures: { gaps, 'offsets not read': offsets, 'first offset': firstOffset, why: cause },
    links: [{ label: 'What was counted', to: '/stats' }],
  }))

export interface FailedRuns {
  readonly workflowType: string
  readonly runs: number
  /** The last of them. */
  readonly workflowId: string
  readonly reason: string
  /** That it was for; null when it was for none. */
  readonly day: string | null
}

const FAILED_RUNS: Thresholds = { warning: 1, critical: 3 }

/** Runs that have failed since the last look, one observation per workflow. */
export const observeFailedRuns = (failed: readonly FailedRuns[], linkTo: (workflowId: string) => AlertLink) =>
  failed.map(({ workflowType, runs, workflowId, reason, day }): Observation => ({
    source: 'pipeline-runs',
    fingerprint: fingerprintOf('pipeline-runs', workflowType),
    cause: `${workflowType} has failed`,
    severity: severityOf(runs, FAILED_RUNS),
    count: runs,
    figures: {
      'failed runs': runs,
      'last run': workflowId,
      reason: reason.slice(0, 200),
      ...(workflowType === 'dailyKpi' && day !== null ? { 'to run it again': `guardian kpi run --day ${day}` } : {}),
    },
    links: [linkTo(workflowId)],
  }))

/** A day whose stored anomalies are not those that its archive gives. */
export interface ReconciledDifference {
  readonly day: string
  readonly expected: number
  readonly missing: number
  readonly extra: number
  readonly different: number
}

/** Detector and archive must agree: a difference is never a warning. */
export const observeDifferences = (found: readonly ReconciledDifference[]): Observation[] =>
  found.map(({ day, expected, missing, extra, different }) => ({
    source: 'reconciliation',
    fingerprint: fingerprintOf('reconciliation', day),
    cause: `The anomalies of ${day} are not those that the archive gives`,
    severity: 'critical',
    count: missing + extra + different,
    figures: { day, expected, missing, extra, different },
    links: [
      { label: 'Row by row', to: `/reconciliations/${day}/differences` },
      { label: 'The anomalies of the day', to: `/anomalies?from=${day}&to=${addDays(day as UtcDay, 1)}` },
    ],
  }))

export interface AnomalyBurst {
  readonly ruleId: string
  readonly sessions: number
}

/**
 * Rules that flagged sessions since the last look, one observation each; the thresholds say whether that is unusual.
 * @param seconds that they were counted over: thresholds are per minute
 */
export const observeBursts = (bursts: readonly AnomalyBurst[], seconds: number, thresholds: Thresholds) =>
  bursts.map(({ ruleId, sessions }): Observation => ({
    source: 'anomaly-burst',
    fingerprint: fingerprintOf('anomaly-burst', ruleId),
    cause: `Unusually many sessions flagged by ${ruleId}`,
    severity: severityOf((sessions * 60) / Math.max(seconds, 60), thresholds),
    count: sessions,
    figures: { sessions, 'over seconds': Math.round(seconds) },
    links: [{ label: 'The anomalies', to: `/anomalies?rule=${encodeURIComponent(ruleId)}` }],
  }))

/** Who reads the log, and may be behind. */
export const LOG_READERS = ['detector', 'archiver'] as const
export type WatchedReader = (typeof LOG_READERS)[number]

/** How far one partition has been processed, against what Kafka had at two moments. */
export interface WatchedPartition {
  readonly topic: string
  readonly kafkaPartition: number
  readonly nextOffset: number
  readonly endOffset: number
  /** First offsets appended no longer ago than the limits. */
  readonly youngerThanWarning: number
  readonly youngerThanCritical: number
}

export interface LagLimits {
  readonly warningSeconds: number
  readonly criticalSeconds: number
}

const LAG_LINKS: Readonly<Record<WatchedReader, AlertLink>> = {
  detector: { label: 'Lag by partition', to: '/stats' },
  archiver: { label: 'How the servers are', to: '/health' },
}

/** One observation per topic whose next record has waited for longer than a limit, with its partitions counted. */
export function observeLag(
  reader: WatchedReader,
  partitions: readonly WatchedPartition[],
  limits: LagLimits,
): Observation[] {
  const behind = partitions.filter((p) => p.nextOffset < p.youngerThanWarning)
  return [...new Set(behind.map(({ topic }) => topic))].map((topic) => {
    const own = behind.filter((p) => p.topic === topic)
    const isCritical = own.some((p) => p.nextOffset < p.youngerThanCritical)
    return {
      source: `${reader}-lag`,
      fingerprint: fingerprintOf(`${reader}-lag`, topic),
      cause: `The ${reader} is behind on ${topic}`,
      severity: isCritical ? 'critical' : 'warning',
      count: 0,
      figures: {
        'waiting for more than': `${isCritical ? limits.criticalSeconds : limits.warningSeconds} s`,
        'partitions behind': own.length,
        'records behind': own.reduce((sum, p) => sum + p.endOffset - p.nextOffset, 0),
      },
      links: [LAG_LINKS[reader]],
    }
  })
}

export interface WatchedSchedule {
  readonly id: string
  readonly isPaused: boolean
  /** How often it is due. */
  readonly everyMs: number
  /** What was due last and began; when the schedule was made, if nothing has begun yet. */
  readonly lastDueMs: number
  readonly exists: boolean
  /** What was due before the last and began, and when the last one began; undefined without two of them. */
  readonly lastTwo?: { readonly earlierDueMs: number; readonly begunMs: number } | undefined
  /** The command that makes up for days of it, given `--from` and `--to`; undefined when each run is for itself. */
  readonly backfillCommand?: string | undefined
  /** Each run is for the day that it was due on: no later one does the work of one that was left out. */
  readonly eachRunCounts?: boolean | undefined
}

/** A schedule may be so late before it is told of: Temporal's own jitter, and a restart, are no news. */
const SCHEDULE_GRACE_MS = 300_000
/** For so long after a run it is told that those before it did not begin. */
const MISSED_TOLD_MS = 900_000

/** Schedules that are missing, paused, did not begin when they were due, or left out what was due while Temporal was away. */
export const observeSchedules = (
  schedules: readonly WatchedSchedule[],
  nowMs: number,
  linkTo: (scheduleId: string) => AlertLink,
): Observation[] =>
  schedules.flatMap((schedule): Observation[] => {
    const { id, isPaused, exists, lastDueMs } = schedule
    const missed = exists && !isPaused ? missedBy(schedule, nowMs) : undefined
    if (exists && !isPaused && missed === undefined) return []
    const what = !exists ? 'does not exist' : isPaused ? 'is paused' : 'did not run'
    return [
      {
        source: 'schedules',
        fingerprint: fingerprintOf('schedules', id),
        cause: `Schedule ${id} ${what}`,
        severity: exists && isPaused ? 'warning' : 'critical',
        count: 0,
        figures: {
          schedule: id,
          ...(exists ? { 'last due': new Date(missed?.fromMs ?? lastDueMs).toISOString() } : {}),
          'to make up for it': exists ? makeUpFor(schedule, missed) : 'start the orchestrator: it makes the schedules',
        },
        links: [linkTo(id)],
      },
    ]
  })

/** Runs were due after `fromMs` and up to `toMs`, and did not begin. */
interface Missed {
  readonly fromMs: number
  readonly toMs: number
}

/** A minute's look makes up for those before it: only of a schedule with long pauses, single runs are missed. */
const ONE_RUN_COUNTS_MS = 3_600_000

function missedBy({ everyMs, lastDueMs, lastTwo }: WatchedSchedule, nowMs: number): Missed | undefined {
  const isLate = (earlierMs: number, laterMs: number) => laterMs - earlierMs > everyMs + SCHEDULE_GRACE_MS
  if (isLate(lastDueMs, nowMs)) return { fromMs: lastDueMs, toMs: nowMs }
  if (lastTwo === undefined || everyMs < ONE_RUN_COUNTS_MS || nowMs - lastTwo.begunMs > MISSED_TOLD_MS) return undefined
  const toMs = lastDueMs - everyMs
  return isLate(lastTwo.earlierDueMs, lastDueMs) ? { fromMs: lastTwo.earlierDueMs, toMs } : undefined
}

/** A run that is due on a day is for the day before: the first that is missing is for the day of the last that began. */
function makeUpFor({ id, backfillCommand, eachRunCounts }: WatchedSchedule, missed: Missed | undefined): string {
  if (missed !== undefined && eachRunCounts === true) {
    const [after, upTo] = [missed.fromMs, missed.toMs].map((ms) => new Date(ms).toISOString())
    return `temporal schedule backfill --schedule-id ${id} --start-time ${after} --end-time ${upTo} --overlap-policy BufferAll`
  }
  if (backfillCommand === undefined || missed === undefined) return `temporal schedule trigger --schedule-id ${id}`
  const last = addDays(utcDayOf(missed.toMs), -1)
  const first = utcDayOf(missed.fromMs)
  return `${backfillCommand} --from ${first < last ? first : last} --to ${last}`
}

/** A source that does not answer is told of: silence would look like peace. */
export const observeUnreadable = (source: string): Observation => ({
  source: 'watch',
  fingerprint: fingerprintOf('watch', source),
  cause: `What ${source} says cannot be read`,
  severity: 'warning',
  count: 0,
  figures: { source },
  links: [{ label: 'How the servers are', to: '/health' }],
})
