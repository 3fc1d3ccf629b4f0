import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import type { Part } from '../lifecycle.js'
import type { Logger } from '../logger.js'
import { PlatformError } from '../platform-error.js'
import { connect } from './kafka-fault.js'

export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  readonly replicationFactor: number
  /** Topic configuration by its Kafka name. */
  readonly config: Readonly<Record<string, string>>
}

const LEADERS_BOUND_MS = 30_000
const LOOK_EVERY_MS = 100
/** What a broker answers that has not heard of a new topic, or of who leads it. */
const NOT_YET: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'])

/** Runs `work` with a connected admin client that is always closed. */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin()
  await connect(admin)
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/**
 * Creates the topics that are missing. One that exists must already stamp records with the log append time, because
 * every decision about late and future events rests on it.
 * @returns the names created
 * @throws PlatformError TOPIC_UNFIT naming each topic whose time stamps are the client's
 */
export async function ensureTopics(kafka: Kafka, specs: readonly TopicSpec[], log: Logger): Promise<string[]> {
  return withAdmin(kafka, async (admin) => {
    const existing = new Set(await admin.listTopics())
    const missing = specs.filter(({ topic }) => !existing.has(topic))
    if (missing.length > 0) {
      // Left to kafkajs, a broker that does not know the topic yet ends the process, by a promise that nobody catches.
      await admin.createTopics({
        waitForLeaders: false,
        topics: missing.map(({ topic, partitions, replicationFactor, config }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
        })),
      })
      await awaitLeaders(
        admin,
        missing.map(({ topic }) => topic),
      )
    }
    await refuseUnfit(
      admin,
      specs.filter(({ topic }) => existing.has(topic)).map(({ topic }) => topic),
    )
    const created = missing.map(({ topic }) => topic)
    if (created.length > 0) log.info({ topics: created }, 'topics_created')
    return created
  })
}

/**
 * Waits until every partition of topics just made has a leader: until then brokers refuse to write to it.
 * @throws PlatformError KAFKA_UNAVAILABLE when that takes longer than `boundMs`
 */
export async function awaitLeaders(
  admin: Pick<Admin, 'fetchTopicMetadata'>,
  topics: readonly string[],
  boundMs = LEADERS_BOUND_MS,
): Promise<void> {
  const giveUpAt = performance.now() + boundMs
  for (;;) {
    const state = await leadersOf(admin, topics)
    if (state === 'led') return
    if (performance.now() > giveUpAt)
      throw new PlatformError(
        'KAFKA_UNAVAILABLE',
        `no leader for ${topics.join(', ')} within ${boundMs} ms (${state}): are enough brokers up?`,
      )
    await sleep(LOOK_EVERY_MS)
  }
}

/** `led`, or what is missing. */
async function leadersOf(admin: Pick<Admin, 'fetchTopicMetadata'>, topics: readonly string[]): Promise<string> {
  try {
    const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] })
    const without = found.filter(({ partitions }) => !partitions.every(({ leader }) => leader >= 0))
    return without.length === 0 ? 'led' : `none for ${without.map(({ name }) => name).join(', ')}`
  } catch (error) {
    if (error instanceof kafkajs.KafkaJSProtocolError && NOT_YET.has(error.type)) return error.type
    throw error
  }
}

async function refuseUnfit(admin: Admin, topics: readonly string[]): Promise<void> {
  if (topics.length === 0) return
  const name_ = 'message.timestamp.type'
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: [name_] })),
  })
  const unfit = resources.filter((r) =>
    r.configEntries.some((e) => e.configName === name_ && e.configValue !== 'LogAppendTime'),
  )
  if (unfit.length > 0)
    throw new PlatformError(
      'TOPIC_UNFIT',
      `set ${name_}=LogAppendTime on ${unfit.map((r) => r.resourceName).join(', ')}: late and future events are told by it`,
    )
}

export interface PartitionOffsets {
  readonly partition: number
  /** The first offset that Kafka still has. */
  readonly low: number
  /** The offset that the next record will get. */
  readonly high: number
}

/** What a broker answers that was asked as the leader of a partition and is not, or not yet, as for a topic just created again. */
const NOT_LEADER: ReadonlySet<string> = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE'])
const NEW_LEADER_BOUND_MS = 10_000

/** What the log of a topic holds now, by partition in order. Waits for the leaders of a topic that was created just now. */
export async function fetchOffsets(kafka: Kafka, topic: string): Promise<PartitionOffsets[]> {
  const giveUpAt = performance.now() + NEW_LEADER_BOUND_MS
  return withAdmin(kafka, async (admin) => {
    for (;;)
      try {
        return await topicOffsets(admin, topic)
      } catch (error) {
        const isNotLed = error instanceof kafkajs.KafkaJSProtocolError && NOT_LEADER.has(error.type)
        if (!isNotLed || performance.now() > giveUpAt) throw error
        await sleep(LOOK_EVERY_MS)
      }
  })
}

/** The same, over a client that is already connected. */
export async function topicOffsets(admin: Admin, topic: string): Promise<PartitionOffsets[]> {
  const offsets = await admin.fetchTopicOffsets(topic)
  return offsets
    .map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
    .sort((a, b) => a.partition - b.partition)
}

/** The first offset of each partition whose record was appended at an instant or later; the log's end when none was. */
export async function offsetsAt(admin: Admin, topic: string, instantMs: number): Promise<Map<number, number>> {
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, instantMs)
  return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]))
}

/** What is asked of Kafka about logs. */
export interface LogAdmin {
  offsets(topic: string): Promise<PartitionOffsets[]>
  /** As the function of that name. */
  offsetsAt(topic: string, instantMs: number): Promise<Map<number, number>>
}

/** Asks it over a client that is already connected. */
export const logAdmin = (admin: Admin): LogAdmin => ({
  offsets: (topic) => topicOffsets(admin, topic),
  offsetsAt: (topic, instantMs) => offsetsAt(admin, topic, instantMs),
})

/** An admin client that stays connected, for a process that asks again and again. */
export async function openAdmin(kafka: Kafka): Promise<Part<LogAdmin>> {
  const admin = kafka.admin()
  await connect(admin)
  return { value: logAdmin(admin), stop: () => admin.disconnect() }
}
