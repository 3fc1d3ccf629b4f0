import { utcDayOf, type UtcDay } from '../utc-day.js'
import type { Anomaly } from './anomaly.js'

/** Samples of each kind that a result has at most. */
const MAX_SAMPLES = 20

export interface SessionCount {
  readonly sessions: number
  /** Of these, those that bought something on the days that were tested: people, most likely. */
  readonly boughtSessions: number
}

export interface FlaggedCount extends SessionCount {
  readonly windows: number
}

/** What the two rules flag, by session and day. */
export interface BackTestedCounts {
  readonly candidate: FlaggedCount
  readonly inForce: FlaggedCount
  /** Flagged by the candidate alone. */
  readonly gained: SessionCount
  /** Flagged by the rule in force alone. */
  readonly lost: SessionCount
}

export interface BackTestedDay extends BackTestedCounts {
  readonly day: UtcDay
}

export interface BackTestSample {
  readonly kind: 'gained' | 'lost'
  readonly day: UtcDay
  readonly sessionId: string
  readonly windows: number
  readonly firstWindowMs: number
  /** Of its busiest window. */
  readonly events: number
  readonly distinctItems: number
  readonly bought: boolean
}

/** What came of one partition, or of all of them. */
export interface BackTestResult {
  readonly days: readonly BackTestedDay[]
  readonly samples: readonly BackTestSample[]
}

const FLAGGED_BY = { shadow: 'candidate', active: 'inForce' } as const

interface FlaggedSession {
  readonly day: UtcDay
  readonly sessionId: string
  readonly candidate: Anomaly[]
  readonly inForce: Anomaly[]
}

/** The sessions that a test's rows flag: those that stood to the end of their window. */
export const flaggedSessions = (rows: readonly Anomaly[]): string[] => [
  ...new Set(rows.filter(({ status }) => status !== 'retracted').map(({ sessionId }) => sessionId)),
]

/**
 * Folds the rows of one partition by day and session: rules with windows of different sizes can be compared so.
 * @param bought sessions that bought something
 */
export function resultOf(rows: readonly Anomaly[], bought: ReadonlySet<string>): BackTestResult {
  const sessions = new Map<string, FlaggedSession>()
  for (const row of rows) {
    if (row.status === 'retracted') continue
    const day = utcDayOf(row.windowStartMs)
    const key = `${day} ${row.sessionId}`
    const session = sessions.get(key) ?? { day, sessionId: row.sessionId, candidate: [], inForce: [] }
    session[FLAGGED_BY[row.mode]].push(row)
    sessions.set(key, session)
  }
  const all = [...sessions.values()]
  const days = [...new Set(all.map(({ day }) => day))].map((day) => dayOf(day, all, bought))
  const samples = all.flatMap((session) => sampleOf(session, bought.has(session.sessionId)))
  return bounded({ days, samples })
}

/** The results of all partitions as one, with a day for each that was tested. A session is in one partition. */
export function mergeResults(days: readonly UtcDay[], parts: readonly BackTestResult[]): BackTestResult {
  const merged = days.map((day) => ({
    day,
    ...totalOf(parts.flatMap((part) => part.days.filter((one) => one.day === day))),
  }))
  return bounded({ days: merged, samples: parts.flatMap((part) => part.samples) })
}

/** Days, or partitions of a day, added up: a session that is flagged on two days counts twice. */
export const totalOf = (days: readonly BackTestedCounts[]): BackTestedCounts => ({
  candidate: days.map(({ candidate }) => candidate).reduce(addFlagged, NO_WINDOWS),
  inForce: days.map(({ inForce }) => inForce).reduce(addFlagged, NO_WINDOWS),
  gained: days.map(({ gained }) => gained).reduce(addSessions, NO_SESSIONS),
  lost: days.map(({ lost }) => lost).reduce(addSessions, NO_SESSIONS),
})

const NO_SESSIONS: SessionCount = { sessions: 0, boughtSessions: 0 }
const NO_WINDOWS: FlaggedCount = { windows: 0, ...NO_SESSIONS }

function dayOf(day: UtcDay, sessions: readonly FlaggedSession[], bought: ReadonlySet<string>): BackTestedDay {
  const own = sessions.filter((session) => session.day === day)
  const count = (some: readonly FlaggedSession[]): SessionCount => ({
    sessions: some.length,
    boughtSessions: some.filter(({ sessionId }) => bought.has(sessionId)).length,
  })
  const flagged = (by: 'candidate' | 'inForce'): FlaggedCount => ({
    windows: own.reduce((sum, session) => sum + session[by].length, 0),
    ...count(own.filter((session) => session[by].length > 0)),
  })
  return {
    day,
    candidate: flagged('candidate'),
    inForce: flagged('inForce'),
    gained: count(own.filter(({ inForce }) => inForce.length === 0)),
    lost: count(own.filter(({ candidate }) => candidate.length === 0)),
  }
}

function sampleOf({ day, sessionId, candidate, inForce }: FlaggedSession, bought: boolean): BackTestSample[] {
  if (candidate.length > 0 && inForce.length > 0) return []
  const rows = candidate.length > 0 ? candidate : inForce
  const busiest = rows.reduce((a, b) => (b.eventCount > a.eventCount ? b : a))
  return [
    {
      kind: candidate.length > 0 ? 'gained' : 'lost',
      day,
      sessionId,
      windows: rows.length,
      firstWindowMs: Math.min(...rows.map(({ windowStartMs }) => windowStartMs)),
      events: busiest.eventCount,
      distinctItems: busiest.distinctItems,
      bought,
    },
  ]
}

/** Those that bought come first: they are the ones to look at. */
function bounded({ days, samples }: BackTestResult): BackTestResult {
  const sorted = [...samples].sort(
    (a, b) => Number(b.bought) - Number(a.bought) || compareText(a.day, b.day) || compareText(a.sessionId, b.sessionId),
  )
  const some = (kind: BackTestSample['kind']) => sorted.filter((one) => one.kind === kind).slice(0, MAX_SAMPLES)
  return { days, samples: [...some('gained'), ...some('lost')] }
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function addSessions(a: SessionCount, b: SessionCount): SessionCount {
  return { sessions: a.sessions + b.sessions, boughtSessions: a.boughtSessions + b.boughtSessions }
}

function addFlagged(a: FlaggedCount, b: FlaggedCount): FlaggedCount {
  return { windows: a.windows + b.windows, ...addSessions(a, b) }
}
