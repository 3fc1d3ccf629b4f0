import { randomUUID } from 'node:crypto'
import type { Click, Purchase } from '../domain/events.js'
import { TOPICS } from '../domain/events.js'
import { createEncoder } from '../platform/avro/codec.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { loadConfig } from '../platform/config.js'
import { fetchOffsets } from '../platform/kafka/admin.js'
import { createKafka } from '../platform/kafka/client.js'
import { startProducer, type OutgoingRecord } from '../platform/kafka/producer.js'
import type { Lifecycle } from '../platform/lifecycle.js'
import { AVRO_SCHEMAS, subjectOf } from '../schemas/avro-schemas.js'
import { countPartitions } from '../platform/kafka/count-partitions.js'
import { keyPartition } from '../platform/kafka/key-partition.js'
import { PartitionCounts } from '../platform/kafka/partition-counts.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../platform/kafka/connection.js'
import { REGISTRY_CONNECTION_VARIABLES, registrySettings } from '../platform/avro/registry-connection.js'
import { openProducedReport } from './produced-report.js'
import type { Terminal } from './terminal.js'

/** A record whose place is known, so that it can be counted. */
export interface PlacedRecord extends OutgoingRecord {
  readonly partition: number
  /** When it happened; undefined when it does not say, or says what nobody can believe. */
  readonly eventMs: number | undefined
}

/** Encodes events, puts them on the partition of their session, and tells the database what Kafka has acknowledged. */
export interface EventSender {
  readonly encodeClick: (click: Click) => Buffer
  readonly encodePurchase: (purchase: Purchase) => Buffer
  readonly place: (topic: string, key: string, value: Buffer | null, eventMs: number | undefined) => PlacedRecord
  /** @throws as the producer's `send` */
  readonly send: (records: readonly PlacedRecord[]) => Promise<void>
  /** Whether no record had ever been in the topics when the sender was opened. */
  readonly isLogEmpty: boolean
}

/**
 * Connects to Kafka and the registry.
 * @param name of the producer, in its report
 * @throws when either does not answer, or a topic has not been created
 */
export async function openEventSender(
  name: string,
  topics: readonly string[],
  life: Lifecycle,
  terminal: Terminal,
): Promise<EventSender> {
  const { env, log } = terminal
  const config = loadConfig(
    [...KAFKA_CONNECTION_VARIABLES, 'KAFKA_REQUEST_TIMEOUT_MS', ...REGISTRY_CONNECTION_VARIABLES],
    env,
  )
  const registry = new RegistryClient(registrySettings(config))
  const kafka = createKafka(
    { ...kafkaConnection(config), clientId: 'guardian-cli', requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS },
    log,
  )
  const encoder = async (topic: string) => {
    const schema = AVRO_SCHEMAS[topic]
    if (schema === undefined) throw new Error(`no schema for ${topic}`)
    return createEncoder(schema, await registry.register(subjectOf(topic), schema))
  }
  const [encodeClick, encodePurchase] = await Promise.all([encoder(TOPICS.clicks), encoder(TOPICS.purchases)])
  const counts = new PartitionCounts((topic) => countPartitions(kafka, topic))
  let isLogEmpty = true
  for (const topic of topics) {
    const offsets = await fetchOffsets(kafka, topic)
    await counts.of(topic)
    if (offsets.some(({ high }) => high > 0)) isLogEmpty = false
  }
  const report = await life.use('report', () => openProducedReport(`${name}/${randomUUID()}`, terminal))
  const producer = await life.use('producer', () => startProducer(kafka, {}, log))
  return {
    encodeClick,
    encodePurchase,
    place: (topic, key, value, eventMs) => ({
      topic,
      key,
      value,
      partition: keyPartition(key, counts.known(topic) ?? 1),
      eventMs,
    }),
    send: async (records) => {
      await producer.send(records)
      report.acknowledged(records)
    },
    isLogEmpty,
  }
}
