import { shopDayOf, UTC, type TimeZone } from '../../shop-day.js'
import { addDays, utcDayOf, type UtcDay } from '../../utc-day.js'
import { fingerprintOf, type AlertLink, type Observation } from '../observation.js'
import { countOf, listOf, timeWords } from '../words.js'

/** A run that a schedule began. */
export interface BegunRun {
  readonly dueMs: number
  readonly begunMs: number
}

export interface WatchedSchedule {
  readonly id: string
  readonly isPaused: boolean
  /** How often it is due. */
  readonly everyMs: number
  readonly createdMs: number
  readonly exists: boolean
  /** The last runs that it began, oldest first: as many as Temporal remembers. */
  readonly begun: readonly BegunRun[]
  /** The command that makes up for days of it, given `--from` and `--to`; undefined when each run is for itself. */
  readonly backfillCommand?: string | undefined
  /** Each run is for the day before the one that it was due on: no later one does the work of one that was left out. */
  readonly eachRunCounts?: boolean | undefined
  /** In which it is due, and whose days its runs are for. @default UTC */
  readonly timeZone?: TimeZone | undefined
}

/** A schedule may be so late without an alert: Temporal's own jitter, and a restart, are no news. */
const SCHEDULE_GRACE_MS = 300_000
/** A minute's look makes up for those before it: only of a schedule with long pauses, single runs are missed. */
const ONE_RUN_COUNTS_MS = 3_600_000
/** Missed runs that are looked at: of ten years of days. Of a schedule with short pauses, two say enough. */
const MAX_MISSED = 3_660
/** Days that are named one by one; of more, the first and the last of each row of days. */
const MAX_NAMED_DAYS = 31

/**
 * Schedules that are missing, paused, did not begin when they were due, or left out what was due while Temporal was away.
 * @param sinceMs runs that began before it were looked at by an earlier look
 */
export const observeSchedules = (
  schedules: readonly WatchedSchedule[],
  sinceMs: number,
  nowMs: number,
  linkTo: (scheduleId: string) => AlertLink,
): Observation[] =>
  schedules.flatMap((schedule): Observation[] => {
    const { id, isPaused, exists } = schedule
    const missed = exists && !isPaused ? missedBy(schedule, sinceMs, nowMs) : []
    if (exists && !isPaused && missed.length === 0) return []
    const [what, isWarning] = !exists ? ['does not exist'] : isPaused ? ['is paused', true] : ['did not run']
    return [
      {
        source: 'schedules',
        fingerprint: fingerprintOf('schedules', id),
        cause: `Schedule ${id} ${what}`,
        severity: isWarning ? 'warning' : 'critical',
        count: 0,
        ...wordsOf(schedule, missed),
        sample: null,
        figures: { schedule: id, ...(missed.length > 0 ? { 'runs missed': missed.length } : {}) },
        links: [linkTo(id)],
      },
    ]
  })

/** When runs were due that did not begin, oldest first. */
function missedBy(schedule: WatchedSchedule, sinceMs: number, nowMs: number): number[] {
  const { everyMs, createdMs, begun } = schedule
  const dues = begun.map(({ dueMs }) => dueMs)
  const lastMs = Math.max(createdMs, ...dues)
  const missed: number[] = []
  if (everyMs >= ONE_RUN_COUNTS_MS)
    begun.slice(1).forEach(({ dueMs, begunMs }, i) => {
      if (begunMs < sinceMs) return
      // A day may have 23 or 25 hours.
      const left = Math.min(MAX_MISSED, Math.round((dueMs - (dues[i] ?? dueMs)) / everyMs) - 1)
      for (let n = left; n > 0; n--) missed.push(dueMs - n * everyMs)
    })
  const most = everyMs < ONE_RUN_COUNTS_MS ? 2 : MAX_MISSED
  for (let n = 1; n <= most && lastMs + n * everyMs < nowMs - SCHEDULE_GRACE_MS; n++) missed.push(lastMs + n * everyMs)
  return missed
}

/** The day of a run's figures. */
const dayOf = (dueMs: number, timeZone: TimeZone = UTC): UtcDay => addDays(shopDayOf(timeZone, dueMs), -1)

function wordsOf(schedule: WatchedSchedule, missed: readonly number[]) {
  const { id, exists, everyMs, backfillCommand, eachRunCounts, timeZone } = schedule
  if (!exists)
    return {
      summary: `The schedule ${id} does not exist, so that none of its runs begin.`,
      firstStep: 'Start the orchestrator: it creates all schedules.',
    }
  const [first, last] = [missed[0], missed.at(-1)]
  if (first === undefined || last === undefined)
    return {
      summary: `The schedule ${id} is paused, so that its runs do not begin.`,
      firstStep: `Read its note for who paused it and why, then resume it: \`POST /schedules/${id}/resume\`.`,
    }
  if (backfillCommand !== undefined || eachRunCounts === true) {
    const days = [...new Set(missed.map((dueMs) => dayOf(dueMs, timeZone)))]
    return {
      summary: `The schedule ${id} did not run for ${countOf(days.length, 'day')}: ${daysWords(days)}.`,
      firstStep: `Run what was missed: \`${
        backfillCommand === undefined
          ? `temporal schedule backfill --schedule-id ${id} --start-time ${isoOf(first - everyMs)} --end-time ${isoOf(last)} --overlap-policy BufferAll`
          : `${backfillCommand} --from ${days[0] ?? ''} --to ${days.at(-1) ?? ''}`
      }\`.`,
    }
  }
  return {
    summary:
      missed.length === 1 || everyMs < ONE_RUN_COUNTS_MS
        ? `The schedule ${id} did not run at ${timeWords(first)}${missed.length === 1 ? '' : ', nor since then'}.`
        : `The schedule ${id} did not run on ${countOf(missed.length, 'day')}: ${daysWords(missed.map(utcDayOf))}.`,
    firstStep: `Run it once, which does the work of all that were missed: \`temporal schedule trigger --schedule-id ${id}\`.`,
  }
}

const isoOf = (ms: number): string => new Date(ms).toISOString()

function daysWords(days: readonly UtcDay[]): string {
  if (days.length <= MAX_NAMED_DAYS) return listOf(days)
  const rows: [UtcDay, UtcDay][] = []
  for (const day of days) {
    const row = rows.at(-1)
    if (row !== undefined && addDays(row[1], 1) === day) row[1] = day
    else rows.push([day, day])
  }
  return listOf(rows.map(([from, to]) => (from === to ? from : `${from} to ${to}`)))
}
