import type { ReplayFate, ReplayFates } from '../../domain/dead-letters/replay.js'
import { TOPICS } from '../../domain/events.js'
import { asActivity } from '../activity-failure.js'
import type { LogEnd } from './replay-activities.js'

/** A record that the detector has put aside although a replay had sent it back. */
export interface PutAside {
  /** The dead letter that was sent back. */
  readonly partition: number
  readonly offset: number
  /** Why it is a dead letter again; null of a late one. */
  readonly code: string | null
}

type Returned = PutAside & { readonly fate: Exclude<ReplayFate, 'recovered'> }

export interface FateDeps {
  /** Up to where the detector has decided and stored, by `topic/partition`. */
  readonly decidedUpTo: () => Promise<ReadonlyMap<string, number>>
  /** What a replay has sent back and is in a topic of records that were put aside. */
  readonly readPutAside: (topic: string, replayId: string, since: Date) => Promise<readonly PutAside[]>
  /** Of all letters that the replay has sent back: those that are not among `returned` are recovered. */
  readonly storeFates: (replayId: string, returned: readonly Returned[]) => Promise<void>
  readonly readFateCounts: (
    replayId: string,
  ) => Promise<readonly { readonly fate: ReplayFate; readonly code: string | null; readonly letters: number }[]>
}

export interface FateRequest {
  readonly replayId: string
  /** When the replay began, ISO 8601. */
  readonly since: string
  readonly replayed: number
  readonly sentUpTo: readonly LogEnd[]
}

/** The activity that says what the detector has done with what a replay has sent back. May be repeated. */
export const createFateActivities = (deps: FateDeps) => ({
  /**
   * Stores the fates once the detector has passed all that was sent back: its checkpoint waits until Kafka has its dead
   * letters and late records, so that then nothing is missing in them.
   */
  settleReplay: (request: FateRequest): Promise<ReplayFates> => asActivity(() => settle(deps, request)),
})

export type FateActivities = ReturnType<typeof createFateActivities>

async function settle(deps: FateDeps, { replayId, since, replayed, sentUpTo }: FateRequest): Promise<ReplayFates> {
  const decided = await deps.decidedUpTo()
  const isPassed = sentUpTo.every(
    ({ topic, partition, offset }) => offset === 0 || (decided.get(`${topic}/${partition}`) ?? 0) >= offset,
  )
  if (!isPassed) return { recovered: 0, late: 0, dead_again: {}, undecided: replayed }
  const from = new Date(since)
  const dead = await deps.readPutAside(TOPICS.deadLetters, replayId, from)
  const late = await deps.readPutAside(TOPICS.late, replayId, from)
  // One that was sent twice, across a crash, may have come back twice: dead is worse than late.
  const returned = new Map<string, Returned>()
  for (const one of late) returned.set(`${one.partition}@${one.offset}`, { ...one, code: null, fate: 'late' })
  for (const one of dead) returned.set(`${one.partition}@${one.offset}`, { ...one, fate: 'dead_again' })
  await deps.storeFates(replayId, [...returned.values()])
  const counts = await deps.readFateCounts(replayId)
  const sum = (fate: ReplayFate) => counts.reduce((all, one) => (one.fate === fate ? all + one.letters : all), 0)
  const again = counts.filter(({ fate }) => fate === 'dead_again')
  return {
    recovered: sum('recovered'),
    late: sum('late'),
    dead_again: Object.fromEntries(again.map(({ code, letters }) => [code ?? 'other', letters])),
    undecided: 0,
  }
}
