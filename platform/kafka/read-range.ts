import { randomUUID } from 'node:crypto'
import kafkajs, { type Kafka, type KafkaMessage, type PartitionAssigner } from 'kafkajs'
import { withAdmin } from './admin.js'
import { connect } from './kafka-fault.js'
import { IdleTimer } from './idle-timer.js'
import { RecordList } from './record-list.js'
import { PlatformError } from '../platform-error.js'
import { installRecordSets, isBatchEntry } from './record-set.js'

export interface LogRange {
  readonly topic: string
  readonly partition: number
  /** First offset read. */
  readonly from: number
  /** First offset no longer read; at most the end of the log. */
  readonly to: number
}

export interface RangeReader {
  /** What a compressed batch may unpack to. */
  readonly maxUnpackedBytes: number
  /** When Kafka gives no record for so long, the read fails; what `onRecords` takes does not count. */
  readonly idleTimeoutMs: number
  /** Records of the range in offset order; offsets that the log has not, or that cannot be read, are stepped over. */
  readonly onRecords: (records: readonly KafkaMessage[]) => Promise<void>
}

/**
 * Reads a part of one partition and stops. It joins a group of its own that is deleted afterwards, so it moves nobody's
 * offsets.
 * @throws when Kafka does not answer, or no record comes for `idleTimeoutMs`; what `onRecords` throws
 */
export async function readRange(kafka: Kafka, range: LogRange, reader: RangeReader): Promise<void> {
  if (range.from >= range.to) return
  installRecordSets()
  const groupId = `guardian-read-${randomUUID()}`
  const consumer = kafka.consumer({
    groupId,
    partitionAssigners: [onlyPartition(range)],
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 4_194_304,
    retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 8, restartOnFailure: () => Promise.resolve(false) },
  })
  await connect(consumer)
  try {
    await consumer.subscribe({ topics: [range.topic], fromBeginning: true })
    await readAll(consumer, range, reader)
  } finally {
    await consumer.disconnect()
    // A group that is left behind expires on its own.
    await withAdmin(kafka, (admin) => admin.deleteGroups([groupId])).catch(() => undefined)
  }
}

function readAll(consumer: kafkajs.Consumer, range: LogRange, reader: RangeReader): Promise<void> {
  const { topic, partition, from, to } = range
  return new Promise<void>((resolve, reject) => {
    let next = from
    const idle = new IdleTimer(reader.idleTimeoutMs, () => reject(idleError(range, next, reader.idleTimeoutMs)))
    const end = (how: () => void) => {
      idle.stop()
      how()
    }
    consumer.on(consumer.events.CRASH, ({ payload }) => end(() => reject(payload.error)))
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          // The first fetches may have been asked for before the seek below.
          const fetchedOffset = Number((batch as unknown as { fetchedOffset: string }).fetchedOffset)
          if (fetchedOffset > next || next >= to) return
          for (const entry of batch.messages) {
            const records = await recordsOf(entry, { from: next, to }, reader.maxUnpackedBytes)
            await idle.during(() => (records.length > 0 ? reader.onRecords(records) : Promise.resolve()))
          }
          next = Math.max(next, Number(batch.lastOffset()) + 1)
          if (next >= to) end(resolve)
        },
      })
      .then(() => consumer.seek({ topic, partition, offset: String(from) }))
      .catch((error: unknown) => end(() => reject(error instanceof Error ? error : new Error(String(error)))))
  })
}

/** As many as the most that the detector may be told to read. */
const MAX_BATCH_RECORDS = 1_000_000

/** The records of a batch that are in a range; none of one that cannot be read within limits. */
export async function recordsOf(
  entry: KafkaMessage,
  { from, to }: Pick<LogRange, 'from' | 'to'>,
  maxUnpackedBytes: number,
): Promise<KafkaMessage[]> {
  if (!isBatchEntry(entry) || !entry.batch) return []
  const read = await entry.batch.read({ maxUnpackedBytes, maxBatchRecords: MAX_BATCH_RECORDS })
  if (!(read instanceof RecordList)) return []
  const records: KafkaMessage[] = []
  for (let i = 0; i < read.length; i++)
    if (read.offsetAt(i) >= from && read.offsetAt(i) < to) records.push(read.recordAt(i))
  return records
}

const idleError = ({ topic, partition, to }: LogRange, next: number, idleTimeoutMs: number): Error =>
  new PlatformError(
    'KAFKA_UNAVAILABLE',
    `${topic}/${partition} gave no record at ${next} (of ${to}) for ${idleTimeoutMs} ms`,
  )

/** Gives the only member of the group that partition, and no other is fetched. */
const onlyPartition =
  ({ topic, partition }: LogRange): PartitionAssigner =>
  () => ({
    name: 'guardian-one-partition',
    version: 1,
    assign: ({ members }) =>
      Promise.resolve(
        members.map(({ memberId }, i) => ({
          memberId,
          memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
            version: 1,
            assignment: i === 0 ? { [topic]: [partition] } : {},
            userData: Buffer.alloc(0),
          }),
        })),
      ),
    protocol: ({ topics }) => ({
      name: 'guardian-one-partition',
      metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
    }),
  })
