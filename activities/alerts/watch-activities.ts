import {
  WATCHED_SOURCES,
  type AlertSource,
  type Observation,
  type Thresholds,
  type WatchedSource,
} from '../../domain/alerting/observation.js'
import type { LagLimits } from '../../domain/alerting/kinds/lag.js'
import { observeUnreadable } from '../../domain/alerting/kinds/watch.js'
import { GuardianError } from '../../domain/errors.js'
import { asActivity } from '../activity-failure.js'
import type { DecidedLook } from './dead-letter-activities.js'

/** What a source is asked. */
export interface WatchQuestion {
  /** When the look began. */
  readonly nowMs: number
  /** Where the last look at this source ended. */
  readonly from: Date
  /** Where this one ends: what is later is for the next one. Of a source of states, now. */
  readonly to: Date
  readonly limits: WatchLimits
}

/** How one source is asked. */
export interface SourceToWatch {
  /** `happenings`: things that happen once, each in one look. `state`: how things are now. */
  readonly kind: 'happenings' | 'state'
  readonly observe: (question: WatchQuestion) => Promise<readonly Observation[]>
}

interface Span {
  readonly source: AlertSource
  readonly from: Date | null
  readonly to: Date
}

export interface WatchDeps {
  /** Up to when a source has been watched. */
  readonly readWatch: (source: AlertSource) => Promise<Date | undefined>
  readonly sources: Readonly<Record<WatchedSource, SourceToWatch>>
  /** Decides a look and moves the watches, all or nothing; once per look. */
  readonly recordWatchLook: (look: {
    readonly lookId: string
    readonly at: Date
    readonly observations: readonly Observation[]
    readonly sources: readonly AlertSource[]
    readonly spans: readonly Span[]
  }) => Promise<DecidedLook>
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
  /** What it was watched for, as ISO 8601; null in runs that were begun before every source had it. */
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
  watchSource: (request: WatchRequest): Promise<Watched> => asActivity(() => watch(deps, request)),

  /** Decides what the sources have said. Only what a source that answered did not see can be over. */
  decideWatch: ({ lookId, at, answered, unreadable }: WatchLook): Promise<DecidedLook> =>
    asActivity(() =>
      deps.recordWatchLook({
        lookId,
        at: new Date(at),
        observations: [
          ...answered.flatMap((one) => one.observations.map(withWords)),
          ...unreadable.map(observeUnreadable),
        ],
        sources: ['watch', ...answered.map(({ source }) => source)],
        spans: answered.flatMap(({ source, from, to }) =>
          to === null ? [] : [{ source, from: from === null ? null : new Date(from), to: new Date(to) }],
        ),
      }),
    ),
})

export type WatchActivities = ReturnType<typeof createWatchActivities>

/** One that a worker before the words has found, in a run that was under way at the upgrade. */
const withWords = (observation: Observation): Observation => ({
  ...{ summary: `${observation.cause}.`, sample: null, firstStep: 'Read the runbook.' },
  ...observation,
})

async function watch(deps: WatchDeps, { source, at, limits }: WatchRequest): Promise<Watched> {
  // A run of a later version may ask for what this worker does not know.
  if (!WATCHED_SOURCES.includes(source)) throw new GuardianError('GRD_BAD_INPUT', 'this worker has no such source')
  const { kind, observe } = deps.sources[source]
  const nowMs = Date.parse(at)
  const since = await deps.readWatch(source)
  const from = since ?? new Date(nowMs - FIRST_LOOK_MS)
  const endMs = kind === 'state' ? nowMs : Math.min(nowMs - SETTLED_MS, from.getTime() + LONGEST_SPAN_MS)
  const to = new Date(Math.max(from.getTime(), endMs))
  const observations = await observe({ nowMs, from, to, limits })
  return { source, observations, from: since?.toISOString() ?? null, to: to.toISOString() }
}
