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
