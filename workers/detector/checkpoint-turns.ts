import type { PartitionOwner } from './partition-owner.js'

/** The interval between checkpoints is cut into so many turns. */
export const CHECKPOINT_TURNS = 20

/** After so many records a partition need not wait for its interval: what one checkpoint takes to memory stays small. */
export const RECORDS_PER_CHECKPOINT = 200_000

type Waiting = Pick<PartitionOwner, 'checkpointTurnMs' | 'nextOffset' | 'committedOffset'>

/**
 * Whose turn it is for a checkpoint: each partition's once in an interval, those that have waited longest first, and few
 * at a time, so that never all state is taken at once. They are told apart from those whose turn is later by
 * `checkpointTurnMs`, which is set here.
 * @param nowMs by the clock of `performance.now`
 */
export function takeCheckpointTurns<Owner extends Waiting>(
  owners: readonly Owner[],
  nowMs: number,
  intervalMs: number,
): readonly Owner[] {
  const isDue = (owner: Owner): boolean =>
    nowMs - owner.checkpointTurnMs >= intervalMs || owner.nextOffset - owner.committedOffset >= RECORDS_PER_CHECKPOINT
  const taken = owners
    .filter(isDue)
    .sort((a, b) => a.checkpointTurnMs - b.checkpointTurnMs)
    .slice(0, Math.ceil(owners.length / CHECKPOINT_TURNS))
  for (const owner of taken) owner.checkpointTurnMs = nowMs
  return taken
}
