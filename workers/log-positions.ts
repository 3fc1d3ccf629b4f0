import { GuardianError } from '../domain/errors.js'
import { whyAnotherLog, type StoredPosition } from '../domain/log-identity.js'
import type { PartitionName } from '../db/stores/partition-name.js'
import type { LogAdmin, PartitionOffsets } from '../platform/kafka/admin.js'

/** What Kafka says of where a partition begins, ends, and was at a moment. */
export interface LogPositions {
  readonly offsetsOf: (name: PartitionName) => Promise<PartitionOffsets>
  /** How many partitions a topic has. */
  readonly partitionsOf: (topic: string) => Promise<number>
  /** The first record that was appended later; the end of the log when none was. */
  readonly firstOffsetAfter: (name: PartitionName, appendMs: number) => Promise<number | undefined>
}

/** Reads them through an admin client that is connected. */
export const logPositions = (admin: LogAdmin): LogPositions => ({
  offsetsOf: async ({ topic, partition }) => {
    const found = (await admin.offsets(topic)).find((offsets) => offsets.partition === partition)
    if (!found) throw new Error(`${topic} has no partition ${partition}`)
    return found
  },
  partitionsOf: async (topic) => (await admin.offsets(topic)).length,
  firstOffsetAfter: async ({ topic, partition }, appendMs) =>
    (await admin.offsetsAt(topic, appendMs + 1)).get(partition),
})

/**
 * Makes sure that the log is the one that a checkpoint stands on, and not another under the same name.
 * @throws GRD_DATA_GAP when the log is shorter than the checkpoint says, or has later records before it than all that were read
 */
export async function assertSameLog(
  log: LogPositions,
  name: PartitionName,
  stored: StoredPosition,
  offsets: PartitionOffsets,
): Promise<void> {
  const firstLater =
    stored.lastAppendTs === null ? undefined : await log.firstOffsetAfter(name, stored.lastAppendTs.getTime())
  const why = whyAnotherLog(stored, { ...offsets, firstLater })
  if (why === undefined) return
  const { topic, partition } = name
  throw new GuardianError(
    'GRD_DATA_GAP',
    `${topic}/${partition} goes on at ${stored.nextOffset}, but ${why}: was the topic made anew? If so, run \`guardian new-log ${topic}\``,
  )
}
