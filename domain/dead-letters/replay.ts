import { GuardianError } from '../errors.js'

/** The header of a record that a replay has sent back. */
export const REPLAY_ID_HEADER = 'guardian.replay.id'

/** Which dead letters; what is not named does not matter. */
export interface DeadLetterFilter {
  readonly code?: string
  /** Where it came from. */
  readonly topic?: string
  /** When it became a dead letter: [fromMs, toMs). */
  readonly fromMs?: number
  readonly toMs?: number
  /** One record of the dead letters. */
  readonly record?: { readonly partition: number; readonly offset: number }
}

/** What is known of a dead letter without its content. */
export interface DeadLetter {
  readonly partition: number
  readonly offset: number
  /** When it became a dead letter. */
  readonly appendMs: number
  readonly code: string | undefined
  readonly topic: string | undefined
  /** How often it has been replayed before it came here. */
  readonly attempts: number
}

/** Whether a filter names a dead letter. */
export const isSelected = (filter: DeadLetterFilter, letter: DeadLetter): boolean =>
  (filter.code === undefined || filter.code === letter.code) &&
  (filter.topic === undefined || filter.topic === letter.topic) &&
  (filter.fromMs === undefined || letter.appendMs >= filter.fromMs) &&
  (filter.toMs === undefined || letter.appendMs < filter.toMs) &&
  (filter.record === undefined ||
    (filter.record.partition === letter.partition && filter.record.offset === letter.offset))

/** @throws GRD_BAD_INPUT when nothing could be selected */
export function checkFilter({ fromMs, toMs, record }: DeadLetterFilter): void {
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw new GuardianError('GRD_BAD_INPUT', 'the end of the time is not after its beginning')
  const isOffset = (n: number) => Number.isSafeInteger(n) && n >= 0
  if (record !== undefined && !(isOffset(record.partition) && isOffset(record.offset)))
    throw new GuardianError('GRD_BAD_INPUT', 'a record is named by partition and offset')
}

/** What a replay does with a dead letter. A closed list: it is a column. */
export const REPLAY_OUTCOMES = ['replayed', 'already_replayed', 'unfit', 'parked', 'no_origin'] as const
export type ReplayOutcome = (typeof REPLAY_OUTCOMES)[number]

export interface ReplayFacts {
  /** Whether this very record was sent back before. */
  readonly isReplayed: boolean
  /** Whether its origin is a topic of events. */
  readonly hasOrigin: boolean
  /** Why it would become a dead letter again, if so. */
  readonly fault: string | undefined
  readonly maxAttempts: number
}

/**
 * Decides about one dead letter. What would only come back is not sent; what has come back too often is parked, and
 * left to people.
 */
export function replayOutcome(
  letter: DeadLetter,
  { isReplayed, hasOrigin, fault, maxAttempts }: ReplayFacts,
): ReplayOutcome {
  if (isReplayed) return 'already_replayed'
  if (!hasOrigin) return 'no_origin'
  if (letter.attempts >= maxAttempts) return 'parked'
  return fault === undefined ? 'replayed' : 'unfit'
}

/** What the detector has done with a letter that was sent back: taken it (or known it already), too late, or refused it again. A closed list: it is a column. */
export const REPLAY_FATES = ['recovered', 'late', 'dead_again'] as const
export type ReplayFate = (typeof REPLAY_FATES)[number]

/** Where a dead letter stands. `sent_back`: the detector has not come to it, or nobody waited for what it says. */
export const DEAD_LETTER_STATES = ['dead', 'parked', 'sent_back', ...REPLAY_FATES] as const
export type DeadLetterState = (typeof DEAD_LETTER_STATES)[number]

/** @param last what the last replay that sent it back or parked it has done */
export const letterStateOf = (last: {
  readonly outcome: 'replayed' | 'parked'
  readonly fate: ReplayFate | null
}): DeadLetterState => (last.outcome === 'parked' ? 'parked' : (last.fate ?? 'sent_back'))

/** What became of the letters that a replay has sent back. */
export interface ReplayFates {
  readonly recovered: number
  readonly late: number
  /** By code: the prediction was that there are none. */
  readonly dead_again: Readonly<Record<string, number>>
  /** The detector has not come to them in the time that was waited. */
  readonly undecided: number
}
