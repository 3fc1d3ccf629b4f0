import { randomUUID } from 'node:crypto'
import { MinuteReport } from '../db/minute-report.js'
import type { Database } from '../db/pool.js'
import { TOPICS } from '../domain/events.js'
import { createEncoder } from '../platform/avro/codec.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { createKafka } from '../platform/kafka/client.js'
import { countPartitions } from '../platform/kafka/count-partitions.js'
import { keyPartition } from '../platform/kafka/key-partition.js'
import { PartitionCounts } from '../platform/kafka/partition-counts.js'
import { startProducer } from '../platform/kafka/producer.js'
import type { Part } from '../platform/lifecycle.js'
import type { Logger } from '../platform/logger.js'
import type { Registry } from '../platform/metrics.js'
import { kafkaConnection } from '../platform/kafka/connection.js'
import { registrySettings } from '../platform/avro/registry-connection.js'
import { AVRO_SCHEMAS, subjectOf } from '../schemas/avro-schemas.js'
import type { ApiConfig } from './api-config.js'
import { EventSink, type OpenSink } from './collector/event-sink.js'
import type { Breakers } from './wire-dependencies.js'

const REPORT_EVERY_MS = 1_000

export interface CollectorContext {
  readonly db: Database
  readonly registry: Registry
  readonly log: Logger
  readonly breakers: Pick<Breakers, 'kafka' | 'registry'>
}

/**
 * The collector's way to Kafka. It connects when the first event comes, so that the API starts without Kafka; stopping waits
 * for what is under way, and tells the database what was sent.
 */
export function wireCollector(config: ApiConfig, { db, registry, log, breakers }: CollectorContext): Part<EventSink> {
  const report = new MinuteReport(db, `collector/${randomUUID()}`)
  const tell = () => report.tell().catch((err: unknown) => log.warn({ err }, 'produced_counts_not_reported'))
  const timer = setInterval(() => void tell(), REPORT_EVERY_MS).unref()
  const opened: (() => Promise<void>)[] = []
  const open = async () => {
    const { value, stop } = await openKafka(config, breakers, log)
    opened.push(stop)
    return value
  }
  const value = new EventSink({
    open,
    acknowledged: (records) => report.acknowledged(records),
    breaker: breakers.kafka,
    deadlineMs: config.API_COLLECTOR_DEADLINE_MS,
    maxInFlight: config.API_COLLECTOR_EVENTS_IN_FLIGHT,
    registry,
  })
  const stop = async () => {
    clearInterval(timer)
    await Promise.all(opened.map((close) => close()))
    await tell()
  }
  return { value, stop }
}

async function openKafka(
  config: ApiConfig,
  breakers: CollectorContext['breakers'],
  log: Logger,
): Promise<Part<OpenSink>> {
  const schemas = new RegistryClient(registrySettings(config))
  // A request to a broker must not take longer than the caller of the collector waits.
  const requestTimeoutMs = Math.min(config.KAFKA_REQUEST_TIMEOUT_MS, config.API_COLLECTOR_DEADLINE_MS)
  const kafka = createKafka({ ...kafkaConnection(config), clientId: 'guardian-collector', requestTimeoutMs }, log)
  const encoder = async (topic: string) => {
    const schema = AVRO_SCHEMAS[topic]
    if (schema === undefined) throw new Error(`no schema for ${topic}`)
    const id = await breakers.registry.execute(() => schemas.register(subjectOf(topic), schema))
    return createEncoder(schema, id)
  }
  const [encodeClick, encodePurchase] = await Promise.all([encoder(TOPICS.clicks), encoder(TOPICS.purchases)])
  const counts = new PartitionCounts((topic) => countPartitions(kafka, topic))
  await Promise.all([TOPICS.clicks, TOPICS.purchases].map((topic) => counts.of(topic)))
  const options = {
    deliveryTimeoutMs: config.API_COLLECTOR_DEADLINE_MS,
    maxQueuedRecords: config.API_COLLECTOR_EVENTS_IN_FLIGHT,
  }
  const { value: producer, stop } = await startProducer(kafka, options, log)
  const partitionOf = (topic: string, key: string) => keyPartition(key, counts.known(topic) ?? 1)
  return { value: { encodeClick, encodePurchase, partitionOf, send: (records) => producer.send(records) }, stop }
}
