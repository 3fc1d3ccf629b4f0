import type { Batch, Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs'
import type { Part } from '../lifecycle.js'
import type { Logger } from '../logger.js'
import { PlatformError } from '../platform-error.js'
import { withAdmin } from './admin.js'
import { connect, explainKafka } from './kafka-fault.js'
import { RecordList } from './record-list.js'
import {
  installRecordSets,
  isBatchEntry,
  type BatchLimits,
  type PackedBatch,
  type UnreadableRange,
} from './record-set.js'

export interface ConsumerSettings extends BatchLimits {
  readonly groupId: string
  readonly topics: readonly string[]
  readonly sessionTimeoutMs: number
  readonly maxBytes: number
  readonly maxBytesPerPartition: number
  readonly maxWaitMs: number
}

/** What one fetch brought of one partition, or a part of it. */
export interface Fetched {
  readonly topic: string
  readonly partition: number
  /** The offset that the next record of the partition will get, as Kafka said with this fetch. */
  readonly highWatermark: number
  /** From where this was asked for. */
  readonly fetchedOffset: number
  /** Where the partition goes on after this; it steps over control records and compacted ones. */
  readonly nextOffset: number
  /** The log append time of the last record before `nextOffset`, also of one that is stepped over; 0 when unknown. */
  readonly lastAppendMs: number
}

/** Its batches as they came, in offset order. */
export interface FetchedBatches extends Fetched {
  readonly batches: readonly PackedBatch[]
  /** Offsets that hold no record for a reader: markers of transactions, and what was sent in one that was aborted. */
  readonly voids: readonly OffsetRange[]
}

/** Offsets of [from, to). */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/** The records of one batch in offset order. Offsets and times are decimal strings. */
export interface RecordBatch extends Fetched {
  readonly records: readonly KafkaMessage[]
  /** The offsets of a batch that cannot be read. */
  readonly unreadable: readonly UnreadableRange[]
}

export type Assignment = ReadonlyMap<string, readonly number[]>

interface MemberHandlers {
  /** What this member reads from now on. kafkajs goes on without waiting for it. */
  readonly onAssigned: (assignment: Assignment) => void
  /**
   * The group is about to share its partitions out anew, and waits for this: the last moment at which what was decided can
   * be stored, so that nobody has to decide it again. Bound its time. While there is nothing to read it is told, too, but
   * then the group does not wait.
   */
  readonly onRebalancing?: () => Promise<void>
  /** The consumer has stopped for good; the process must end, so that its supervisor can start it again. */
  readonly onCrash: (cause: Error) => void
}

export interface ConsumerHandlers extends MemberHandlers {
  /** Called with one batch of a partition at a time. A rejection ends the consumer. */
  readonly onBatch: (batch: RecordBatch) => Promise<void>
}

export interface FetchHandlers extends MemberHandlers {
  /** Called with one fetch of a partition at a time, while the next is under way. A rejection ends the consumer. */
  readonly onFetch: (fetched: FetchedBatches) => Promise<void>
}

export interface StreamConsumer {
  /** Joins the group and begins to read. May be called once. */
  run(handlers: ConsumerHandlers): Promise<void>
  /** The same for those who read batches themselves. */
  runFetches(handlers: FetchHandlers): Promise<void>
  /** Makes the next fetch of a partition begin at `offset`; batches already fetched are still delivered. */
  seek(topic: string, partition: number, offset: number): void
  /** Tells Kafka how far the partition is, for lag tools only: PostgreSQL is the authority. */
  commit(topic: string, partition: number, nextOffset: number): Promise<void>
  pause(topic: string, partition: number): void
  resume(topic: string, partition: number): void
}

/** Upper bound on the delay before a newly added partition is consumed (kafkajs: 5 min). */
const METADATA_MAX_AGE_MS = 30_000

/** Connects a member of the group that has not joined yet. Nothing is committed by itself, and no crash is restarted. */
export async function openConsumer(
  kafka: Kafka,
  settings: ConsumerSettings,
  log: Logger,
): Promise<Part<StreamConsumer>> {
  const consumer = kafka.consumer({
    groupId: settings.groupId,
    sessionTimeout: settings.sessionTimeoutMs,
    rebalanceTimeout: Math.max(settings.sessionTimeoutMs, 10_000),
    heartbeatInterval: Math.max(200, Math.floor(settings.sessionTimeoutMs / 4)),
    allowAutoTopicCreation: false,
    maxBytes: settings.maxBytes,
    maxBytesPerPartition: settings.maxBytesPerPartition,
    maxWaitTimeInMs: settings.maxWaitMs,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    minBytes: 1,
    retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 12, restartOnFailure: () => Promise.resolve(false) },
  })
  installRecordSets()
  await awaitCoordinator(kafka, settings)
  await connect(consumer)
  await consumer.subscribe({ topics: [...settings.topics], fromBeginning: true })
  let isStopping = false
  // kafkajs calls it a crash when it is stopped in the middle of joining the group.
  const unlessStopping = <H extends MemberHandlers>(handlers: H): H => ({
    ...handlers,
    onCrash: (cause) => {
      if (isStopping) log.debug({ err: cause }, 'consumer_stopped_early')
      else handlers.onCrash(stoppedError(settings, cause))
    },
  })
  const value: StreamConsumer = {
    run: (handlers) => run(consumer, unlessStopping(handlers), recordsGiver(handlers, settings), log),
    runFetches: (handlers) => run(consumer, unlessStopping(handlers), fetchesGiver(handlers), log),
    seek: (topic, partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
    commit: (topic, partition, nextOffset) =>
      consumer.commitOffsets([{ topic, partition, offset: String(nextOffset) }]),
    pause: (topic, partition) => consumer.pause([{ topic, partitions: [partition] }]),
    resume: (topic, partition) => consumer.resume([{ topic, partitions: [partition] }]),
  }
  const stop = () => {
    isStopping = true
    return consumer.disconnect()
  }
  return { value, stop }
}

/** kafkajs names neither the group nor what it reads. */
const stoppedError = ({ groupId, topics }: ConsumerSettings, cause: Error): PlatformError =>
  new PlatformError(
    'CONSUMER_STOPPED',
    `the Kafka consumer of group ${groupId} (${topics.join(', ')}) has stopped for good: ${explainKafka(cause) ?? cause.message}`,
    { cause },
  )

const COORDINATOR_ERRORS = ['GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR_FOR_GROUP']
const COORDINATOR_PAUSE_MS = 200

/**
 * Waits until the group's coordinator answers. kafkajs does not try again when it is still loading at the first join:
 * it crashes, which on a cluster that has just started would be the rule.
 */
async function awaitCoordinator(
  kafka: Kafka,
  { groupId, topics }: ConsumerSettings,
  timeoutMs = 30_000,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs
  for (;;) {
    try {
      await withAdmin(kafka, (admin) => admin.fetchOffsets({ groupId, topics: [...topics] }))
      return
    } catch (error) {
      const type = error instanceof Error && 'type' in error ? error.type : undefined
      if (!COORDINATOR_ERRORS.some((name) => name === type) || performance.now() > giveUpAt) throw error
      await new Promise((resolve) => setTimeout(resolve, COORDINATOR_PAUSE_MS))
    }
  }
}

/** What kafkajs' batch has, and its types do not tell. */
interface RawBatch extends Batch {
  readonly fetchedOffset: string
  readonly rawMessages: readonly KafkaMessage[]
  readonly messagesWithinOffset: readonly KafkaMessage[]
}

type Give = (fetched: FetchedBatches, payload: EachBatchPayload) => Promise<void>

async function run(consumer: Consumer, handlers: MemberHandlers, give: Give, log: Logger): Promise<void> {
  consumer.on(consumer.events.CRASH, ({ payload }) => handlers.onCrash(payload.error))
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    log.info({ memberId: payload.memberId, assignment: payload.memberAssignment }, 'group_joined')
    handlers.onAssigned(new Map(Object.entries(payload.memberAssignment)))
  })
  consumer.on(consumer.events.REBALANCING, () => void handlers.onRebalancing?.())
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 4,
    eachBatchAutoResolve: true,
    eachBatch: async (payload) => {
      if (payload.isStale() || !payload.isRunning()) return
      await give(fetchedOf(payload.batch as RawBatch), payload)
      await payload.heartbeat().catch(async (error: unknown) => {
        if (isRebalancing(error)) await handlers.onRebalancing?.()
        throw error
      })
    },
  })
}

/** How kafkajs hears of it; it joins the group again when the handlers of its batches have ended. */
const isRebalancing = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && error.type === 'REBALANCE_IN_PROGRESS'

const fetchedOf = (batch: RawBatch): FetchedBatches => ({
  topic: batch.topic,
  partition: batch.partition,
  highWatermark: Number(batch.highWatermark),
  fetchedOffset: Number(batch.fetchedOffset),
  nextOffset: Number(batch.lastOffset()) + 1,
  lastAppendMs: Number(batch.rawMessages.at(-1)?.timestamp ?? 0),
  batches: batch.messages.flatMap((entry) => (isBatchEntry(entry) && entry.batch ? [entry.batch] : [])),
  voids: voidsOf(batch),
})

/** What kafkajs has fetched and does not hand out. */
function voidsOf({ messages, messagesWithinOffset }: RawBatch): OffsetRange[] {
  if (messages.length === messagesWithinOffset.length) return []
  const handedOut = new Set(messages)
  return messagesWithinOffset.flatMap((entry) => {
    if (handedOut.has(entry)) return []
    if (isBatchEntry(entry))
      return entry.batch ? [{ from: entry.batch.firstOffset, to: entry.batch.lastOffset + 1 }] : []
    return [{ from: Number(entry.offset), to: Number(entry.offset) + 1 }]
  })
}

/** Hands a fetch over when the one before it is done with, and lets kafkajs fetch the next meanwhile. */
function fetchesGiver({ onFetch }: FetchHandlers): Give {
  const underWay = new Map<string, Promise<void>>()
  return async (fetched, payload) => {
    const name = `${fetched.topic}/${fetched.partition}`
    await underWay.get(name)
    if (payload.isStale() || !payload.isRunning()) return
    const done = onFetch(fetched)
    underWay.set(name, done)
    // Whoever waits for it next is told of it; without this, nobody might be in time.
    done.catch(() => undefined)
  }
}

function recordsGiver({ onBatch }: ConsumerHandlers, limits: BatchLimits): Give {
  return async ({ batches, ...fetched }, payload) => {
    let { fetchedOffset } = fetched
    for (const [i, batch] of batches.entries()) {
      const read = await batch.read(limits)
      const isLast = i === batches.length - 1
      const nextOffset = isLast ? fetched.nextOffset : batch.lastOffset + 1
      if (payload.isStale() || !payload.isRunning()) return
      const lastAppendMs = isLast ? fetched.lastAppendMs : batch.maxTimestamp
      await onBatch({ ...fetched, fetchedOffset, nextOffset, lastAppendMs, ...contentOf(read, fetchedOffset) })
      fetchedOffset = nextOffset
    }
    if (batches.length === 0) await onBatch({ ...fetched, records: [], unreadable: [] })
  }
}

function contentOf(
  read: RecordList | UnreadableRange,
  fetchedOffset: number,
): Pick<RecordBatch, 'records' | 'unreadable'> {
  if (!(read instanceof RecordList)) return { records: [], unreadable: [read] }
  const records: KafkaMessage[] = []
  for (let i = 0; i < read.length; i++) if (read.offsetAt(i) >= fetchedOffset) records.push(read.recordAt(i))
  return { records, unreadable: [] }
}
