import { randomUUID } from 'node:crypto'
import type { Consumer, Kafka, KafkaMessage } from 'kafkajs'
import type { Part } from '../lifecycle.js'
import { topicOffsets, withAdmin } from './admin.js'
import { connect } from './kafka-fault.js'
import { recordsOf } from './read-range.js'
import { installRecordSets } from './record-set.js'

export interface TopicFollower {
  /** What a compressed batch may unpack to. */
  readonly maxUnpackedBytes: number
  /** Records of one partition in offset order, each once. It must not wait. */
  readonly onRecords: (partition: number, records: readonly KafkaMessage[], nextOffset: number) => void
  /** The follower has ended by itself; nothing comes any more. */
  readonly onEnd: (error: Error) => void
}

export interface Followed {
  /** Where it began: the end of each partition's log then, by partition. */
  readonly ends: readonly number[]
}

/**
 * Follows all partitions of a topic from where they end now, in a group of its own that commits nothing.
 * @throws when Kafka does not answer
 */
export async function followTopic(kafka: Kafka, topic: string, follower: TopicFollower): Promise<Part<Followed>> {
  installRecordSets()
  const ends = await withAdmin(kafka, async (admin) => (await topicOffsets(admin, topic)).map(({ high }) => high))
  const groupId = `guardian-follow-${randomUUID()}`
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 100,
    retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 8, restartOnFailure: () => Promise.resolve(false) },
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => follower.onEnd(payload.error))
  await connect(consumer)
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: false })
    await run(consumer, topic, ends, follower)
  } catch (error) {
    await consumer.disconnect()
    throw error
  }
  const stop = async () => {
    await consumer.disconnect()
    await withAdmin(kafka, (admin) => admin.deleteGroups([groupId])).catch(() => undefined) // it expires on its own
  }
  return { value: { ends }, stop }
}

async function run(
  consumer: Consumer,
  topic: string,
  ends: readonly number[],
  { maxUnpackedBytes, onRecords }: TopicFollower,
): Promise<void> {
  const next = [...ends]
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      const { partition } = batch
      const from = next[partition] ?? 0
      // The first fetches may have been asked for before the seek below.
      const fetchedOffset = Number((batch as unknown as { fetchedOffset: string }).fetchedOffset)
      if (fetchedOffset > from) return
      for (const entry of batch.messages) {
        const records = await recordsOf(entry, { from: next[partition] ?? 0, to: Infinity }, maxUnpackedBytes)
        if (records.length === 0) continue
        const nextOffset = Number(records.at(-1)?.offset) + 1
        next[partition] = nextOffset
        onRecords(partition, records, nextOffset)
      }
      next[partition] = Math.max(next[partition] ?? 0, Number(batch.lastOffset()) + 1)
    },
  })
  ends.forEach((end, partition) => consumer.seek({ topic, partition, offset: String(end) }))
}
