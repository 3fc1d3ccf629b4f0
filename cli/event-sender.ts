import type { Click, Purchase } from '../domain/events.js'
import { TOPICS } from '../domain/events.js'
import { createEncoder } from '../platform/avro/codec.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { loadConfig } from '../platform/config.js'
import { fetchOffsets } from '../platform/kafka/admin.js'
import { createKafka } from '../platform/kafka/client.js'
import { startProducer, type OutgoingRecord, type Producer } from '../platform/kafka/producer.js'
import type { Lifecycle } from '../platform/lifecycle.js'
import { AVRO_SCHEMAS, subjectOf } from '../schemas/avro-schemas.js'
import { keyPartition } from './key-partition.js'
import type { Terminal } from './terminal.js'

/** Encodes events and puts them on the partition of their session. */
export interface EventSender {
  readonly encodeClick: (click: Click) => Buffer
  readonly encodePurchase: (purchase: Purchase) => Buffer
  /** A record for a partition that is decided here, so that it can be counted. */
  readonly place: (topic: string, key: string, value: Buffer | null) => OutgoingRecord & { readonly partition: number }
  readonly send: Producer['send']
  /** Whether no record had ever been in the topics when the sender was opened. */
  readonly isLogEmpty: boolean
}

/** Connects to Kafka and the registry. @throws when either does not answer, or a topic has not been created */
export async function openEventSender(
  topics: readonly string[],
  life: Lifecycle,
  { env, log }: Terminal,
): Promise<EventSender> {
  const config = loadConfig(
    ['KAFKA_BROKERS', 'KAFKA_REQUEST_TIMEOUT_MS', 'SCHEMA_REGISTRY_URL', 'SCHEMA_REGISTRY_TIMEOUT_MS'],
    env,
  )
  const registry = new RegistryClient({ url: config.SCHEMA_REGISTRY_URL, timeoutMs: config.SCHEMA_REGISTRY_TIMEOUT_MS })
  const kafka = createKafka(
    { brokers: config.KAFKA_BROKERS, clientId: 'guardian-cli', requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS },
    log,
  )
  const encoder = async (topic: string) => {
    const schema = AVRO_SCHEMAS[topic]
    if (schema === undefined) throw new Error(`no schema for ${topic}`)
    return createEncoder(schema, await registry.register(subjectOf(topic), schema))
  }
  const [encodeClick, encodePurchase] = await Promise.all([encoder(TOPICS.clicks), encoder(TOPICS.purchases)])
  const counts = new Map<string, number>()
  let isLogEmpty = true
  for (const topic of topics) {
    const offsets = await fetchOffsets(kafka, topic)
    counts.set(topic, offsets.length)
    if (offsets.some(({ high }) => high > 0)) isLogEmpty = false
  }
  const producer = await life.use('producer', () => startProducer(kafka, {}, log))
  return {
    encodeClick,
    encodePurchase,
    place: (topic, key, value) => ({ topic, key, value, partition: keyPartition(key, counts.get(topic) ?? 1) }),
    send: (records) => producer.send(records),
    isLogEmpty,
  }
}
