import { GuardianError } from '../domain/errors.js'
import type { PartitionName } from '../db/stores/checkpoints.js'
import type { LogAdmin, PartitionOffsets } from '../platform/kafka/admin.js'

/** What Kafka says of where a partition begins, ends, and was at a moment. */
export interface LogPositions {
  readonly offsetsOf: (name: PartitionName) => Promise<PartitionOffsets>
  /** The first record that was appended later; the end of the log when none was. */
  readonly firstOffsetAfter: (name: PartitionName, appendMs: number) => Promise<number | undefined>
}

/** Where a checkpoint says that a partition goes on. */
export interface StoredPosition {
  readonly nextOffset: number
  /** The highest log append time behind it; null when that was not stored yet. */
  readonly lastAppendTs: Date | null
}

export const logPositions = (admin: LogAdmin): LogPositions => ({
  offsetsOf: async ({ topic, partition }) => {
    const found = (await admin.offsets(topic)).find((offsets) => offsets.partition === partition)
    if (!found) throw new Error(`${topic} has no partition ${partition}`)
    return found
  },
  firstOffsetAfter: async ({ topic, partition }, appendMs) =>
    (await admin.offsetsAt(topic, appendMs + 1)).get(partition),
})

/**
 * Makes sure that the log is the one that a checkpoint stands on, and not another under the same name.
 * @param remedy what to do when the topic was made anew
 * @throws GRD_DATA_GAP when the log is shorter than the checkpoint says, or has later records before it than all that were read
 */
export async function assertSameLog(
  log: LogPositions,
  name: PartitionName,
  { nextOffset, lastAppendTs }: StoredPosition,
  { low, high }: PartitionOffsets,
  remedy: string,
): Promise<void> {
  const isAnother = (but: string): GuardianError =>
    new GuardianError(
      'GRD_DATA_GAP',
      `${name.topic}/${name.partition} goes on at ${nextOffset}, but ${but}: was the topic made anew? If so, ${remedy}`,
    )
  if (nextOffset > high) throw isAnother(`the log ends at ${high}`)
  if (lastAppendTs === null || nextOffset <= low) return
  const first = await log.firstOffsetAfter(name, lastAppendTs.getTime())
  if (first !== undefined && first < nextOffset)
    throw isAnother(`its records from ${first} on are later than all that were read`)
}
