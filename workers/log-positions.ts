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
 * Takes a partition from its last owner, and makes sure that the log is the one that its checkpoint stands on, and not
 * another under the same name. The end of the log is read when the epoch is raised: before, the last owner could still commit
 * beyond an end that was read earlier, which would look like a log that became shorter.
 * @param take raises the epoch; `low` is where a partition without a checkpoint begins
 * @throws GRD_DATA_GAP when the log is shorter than the checkpoint says, or has later records before it than all that were
 * read; what `take` throws
 */
export async function takeFromLog<Taken extends StoredPosition>(
  log: LogPositions,
  name: PartitionName,
  take: (low: number) => Promise<Taken>,
): Promise<{ readonly taken: Taken; readonly offsets: PartitionOffsets }> {
  const taken = await take((await log.offsetsOf(name)).low)
  const offsets = await log.offsetsOf(name)
  const firstLater =
    taken.lastAppendTs === null ? undefined : await log.firstOffsetAfter(name, taken.lastAppendTs.getTime())
  const why = whyAnotherLog(taken, { ...offsets, firstLater })
  if (why === undefined) return { taken, offsets }
  const { topic, partition } = name
  throw new GuardianError(
    'GRD_DATA_GAP',
    `${topic}/${partition} continues at ${taken.nextOffset}, but ${why}: was the topic deleted and recreated? If so, run \`guardian new-log ${topic}\``,
  )
}
