import kafkajs, { type Kafka, type Message, type Producer as KafkaProducer, type TopicMessages } from 'kafkajs'
import type { Part } from '../lifecycle.js'
import type { Logger } from '../logger.js'
import { PlatformError } from '../platform-error.js'
import { connect } from './kafka-fault.js'
import { countPartitions } from './count-partitions.js'
import { PartitionCounts } from './partition-counts.js'
import { withDeadline } from '../resilience/deadline.js'

export interface OutgoingRecord {
  readonly topic: string
  /** Without it, the key decides (murmur2, as in the Java client); without a key, the partitions take turns. */
  readonly partition?: number
  readonly key: string | Buffer | null
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, string | Buffer | (string | Buffer)[] | undefined>>
}

export interface ProducerOptions {
  /** Records that one send may hold. @default 5,000 */
  readonly maxBatchRecords?: number
  /** Records that may wait; a caller beyond it waits with them. @default 50,000 */
  readonly maxQueuedRecords?: number
  /** How long one batch is tried before its callers are told that it failed. @default 120 s */
  readonly deliveryTimeoutMs?: number
  /** How long one attempt may take before the next one begins, over new connections. @default 30 s */
  readonly attemptTimeoutMs?: number
}

export interface Producer {
  /**
   * Resolves when every record is acknowledged by all in-sync replicas. A record can be in the log more than once
   * after a failure; event_id, or the origin headers, tell.
   * @throws PlatformError KAFKA_UNAVAILABLE when the delivery time-out has passed; what was sent is then unknown
   */
  send(records: readonly OutgoingRecord[]): Promise<void>
  readonly queuedRecords: number
  /** How long ago Kafka last failed a send that is now tried again, in ms; undefined when none is. */
  readonly lastFailureAgoMs: number | undefined
}

interface Placed {
  readonly topic: string
  readonly partition: number
  readonly message: Message
}

/** A producer of kafkajs. One that has failed a send is closed and never used again. */
interface Client {
  readonly producer: KafkaProducer
  /** Connected, and with a producer id of its own; begun by the first who needs it. */
  ready: Promise<void> | undefined
}

interface Waiting {
  readonly records: readonly OutgoingRecord[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * The one way to write to Kafka: idempotent, one send in flight, and every partition that was sent to must be in the
 * reply. kafkajs loses acknowledged records without the last two (tulios/kafkajs#1303, #1005): it remembers answers by
 * broker, so a partition that moves to a broker that has already answered is never sent. It also takes the sequence
 * numbers of a send that failed for the next one, which the broker then takes for a copy of what it has, and acknowledges:
 * so a client that has failed is replaced.
 */
export async function startProducer(kafka: Kafka, options: ProducerOptions, log: Logger): Promise<Part<Producer>> {
  const producer = new SerialProducer(kafka, options, log)
  await producer.connect()
  return { value: producer, stop: () => producer.stop() }
}

/** Kafka refuses a batch that is larger than its topic allows, which is little more than one record may have. */
const MAX_BATCH_BYTES = 524_288

/** The records that one send can hold: of each partition as many as fit a batch, in their order, and at least one. */
function fitting(records: readonly Placed[]): { some: readonly Placed[]; rest: readonly Placed[] } {
  const bytesOf = new Map<string, number>()
  const [some, rest]: [Placed[], Placed[]] = [[], []]
  for (const record of records) {
    const place = `${record.topic}/${record.partition}`
    const before = bytesOf.get(place) ?? 0
    const after = before + messageBytes(record.message)
    // Once one does not fit, none behind it does: a partition keeps the order.
    const fits = before === 0 || after <= MAX_BATCH_BYTES
    bytesOf.set(place, fits ? after : Number.POSITIVE_INFINITY)
    if (fits) some.push(record)
    else rest.push(record)
  }
  return rest.length === 0 ? { some: records, rest } : { some, rest }
}

const RECORD_OVERHEAD_BYTES = 32

/** About as many as the record takes in a batch. */
function messageBytes({ key, value, headers }: Pick<Message, 'key' | 'value' | 'headers'>): number {
  let bytes = RECORD_OVERHEAD_BYTES + (value ? Buffer.byteLength(value) : 0) + (key ? Buffer.byteLength(key) : 0)
  for (const [name, values] of Object.entries(headers ?? {}))
    for (const one of Array.isArray(values) ? values : [values])
      bytes += 8 + Buffer.byteLength(name) + (one ? Buffer.byteLength(one) : 0)
  return bytes
}

class SerialProducer implements Producer {
  readonly #kafka: Kafka
  readonly #log: Logger
  readonly #maxBatchRecords: number
  readonly #maxQueuedRecords: number
  readonly #deliveryTimeoutMs: number
  readonly #attemptTimeoutMs: number
  readonly #partitionOf = kafkajs.Partitioners.DefaultPartitioner()
  readonly #partitions: PartitionCounts
  readonly #queue: Waiting[] = []
  #admissions: (() => void)[] = []
  #queued = 0
  #turn = 0
  #running: Promise<void> | undefined
  #client: Client
  #stopped = false
  #failedAt: number | undefined

  constructor(kafka: Kafka, options: ProducerOptions, log: Logger) {
    this.#kafka = kafka
    this.#log = log
    this.#maxBatchRecords = options.maxBatchRecords ?? 5_000
    this.#maxQueuedRecords = options.maxQueuedRecords ?? 50_000
    this.#deliveryTimeoutMs = options.deliveryTimeoutMs ?? 120_000
    this.#attemptTimeoutMs = options.attemptTimeoutMs ?? 30_000
    this.#partitions = new PartitionCounts((topic) => countPartitions(kafka, topic))
    this.#client = this.#newClient()
  }

  get queuedRecords(): number {
    return this.#queued
  }

  get lastFailureAgoMs(): number | undefined {
    return this.#failedAt === undefined ? undefined : performance.now() - this.#failedAt
  }

  async connect(): Promise<void> {
    await this.#withClient((client) => this.#ready(client), this.#attemptTimeoutMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
    await this.#client.producer.disconnect()
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return
    while (this.#queued > 0 && this.#queued + records.length > this.#maxQueuedRecords)
      await new Promise<void>((resolve) => this.#admissions.push(resolve))
    if (this.#stopped) throw new PlatformError('KAFKA_UNAVAILABLE', 'the producer has been stopped')
    this.#queued += records.length
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, resolve, reject })
      this.#running ??= this.#drain()
    })
  }

  async #drain(): Promise<void> {
    for (let batch = this.#takeBatch(); batch.length > 0; batch = this.#takeBatch()) {
      try {
        await this.#deliver(batch.flatMap(({ records }) => records))
        for (const waiting of batch) waiting.resolve()
      } catch (error) {
        for (const waiting of batch) waiting.reject(error)
      } finally {
        for (const { records } of batch) this.#queued -= records.length
        const admitted = this.#admissions
        this.#admissions = []
        for (const admit of admitted) admit()
      }
    }
    // Not a turn later: whoever was admitted just now has to find that nobody sends any more.
    this.#running = undefined
  }

  #takeBatch(): Waiting[] {
    const batch: Waiting[] = []
    let size = 0
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      if (batch.length > 0 && size + next.records.length > this.#maxBatchRecords) break
      size += next.records.length
      batch.push(next)
      this.#queue.shift()
    }
    return batch
  }

  async #placeAll(records: readonly OutgoingRecord[]): Promise<Placed[]> {
    const placed: Placed[] = []
    for (const record of records) placed.push(await this.#place(record))
    return placed
  }

  async #place({ topic, partition, key, value, headers }: OutgoingRecord): Promise<Placed> {
    const message: Message = { key, value, ...(headers ? { headers: { ...headers } } : {}) }
    if (partition !== undefined) return { topic, partition, message }
    const count = await this.#partitions.of(topic)
    if (key === null) return { topic, partition: this.#turn++ % count, message }
    const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({ partitionId, leader: 0 }))
    return {
      topic,
      partition: this.#partitionOf({ topic, partitionMetadata: partitionMetadata as never, message }),
      message,
    }
  }

  /** Sends until every partition has acknowledged, the missing ones again. */
  async #deliver(records: readonly OutgoingRecord[]): Promise<void> {
    const giveUpAt = performance.now() + this.#deliveryTimeoutMs
    let missing: readonly Placed[] | undefined
    for (let attempt = 0; missing === undefined || missing.length > 0; attempt++) {
      const limitMs = Math.min(this.#attemptTimeoutMs, giveUpAt - performance.now())
      try {
        missing ??= await withDeadline(() => this.#placeAll(records), limitMs)
        const { some, rest } = fitting(missing)
        const acknowledged = await this.#withClient((client) => this.#sendOnce(client, some), limitMs)
        const unanswered = some.filter(({ topic, partition }) => !acknowledged.has(`${topic}/${partition}`))
        missing = unanswered.length === 0 ? rest : [...unanswered, ...rest]
        this.#failedAt = undefined
        if (unanswered.length > 0) {
          this.#log.warn({ records: unanswered.length }, 'produce_reply_incomplete')
          // kafkajs leaves out partitions that it has not heard of, for as long as it keeps its metadata: five minutes.
          this.#replaceClient()
        }
      } catch (cause) {
        this.#failedAt = performance.now()
        const [left, pauseMs] = [missing?.length ?? records.length, Math.min(5_000, 100 * 2 ** Math.min(attempt, 6))]
        if (this.#failedAt + pauseMs >= giveUpAt || this.#stopped)
          throw new PlatformError('KAFKA_UNAVAILABLE', `${left} records were not acknowledged`, { cause })
        this.#log.warn({ err: cause, records: left, attempt }, 'produce_retry')
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  }

  /** Does work with the client, which another one replaces when it fails, or has not ended in time. */
  async #withClient<T>(work: (client: Client) => Promise<T>, limitMs: number): Promise<T> {
    const client = this.#client
    const working = work(client)
    try {
      return await withDeadline(() => working, limitMs)
    } catch (error) {
      this.#client = this.#newClient()
      this.#close(client, working)
      throw error
    }
  }

  /** Has the next send go over a client that asks for the topics' partitions anew. */
  #replaceClient(): void {
    const client = this.#client
    this.#client = this.#newClient()
    this.#close(client, Promise.resolve())
  }

  /** Closes a client that nobody waits for, and once more when its work is over: for that, kafkajs connects anew. */
  #close({ producer }: Client, working: Promise<unknown>): void {
    const disconnect = () =>
      producer.disconnect().catch((err: unknown) => this.#log.warn({ err }, 'produce_disconnect_failed'))
    void disconnect()
    void working.then(disconnect, disconnect)
  }

  #ready(client: Client): Promise<void> {
    return (client.ready ??= connect(client.producer))
  }

  async #sendOnce(client: Client, records: readonly Placed[]): Promise<Set<string>> {
    await this.#ready(client)
    const byTopic = new Map<string, Message[]>()
    for (const { topic, partition, message } of records) {
      message.partition = partition
      const messages = byTopic.get(topic)
      if (messages) messages.push(message)
      else byTopic.set(topic, [message])
    }
    const topicMessages: TopicMessages[] = [...byTopic].map(([topic, messages]) => ({ topic, messages }))
    const reply = await client.producer.sendBatch({ topicMessages, acks: -1 })
    return new Set(reply.filter((r) => r.errorCode === 0).map((r) => `${r.topicName}/${r.partition}`))
  }

  #newClient(): Client {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 6 },
    })
    return { producer, ready: undefined }
  }
}
