import { TOPICS } from '../domain/events.js'
import { createEncoder } from '../platform/avro/codec.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { createKafka } from '../platform/kafka/client.js'
import { startProducer, type OutgoingRecord } from '../platform/kafka/producer.js'
import { createLogger } from '../platform/logger.js'
import { AVRO_SCHEMAS, subjectOf } from '../schemas/avro-schemas.js'
import { eventStream } from './event-stream.js'

export interface Target {
  readonly brokers: readonly string[]
  readonly schemaRegistryUrl: string
}

const BATCH = 5_000

/** Writes `count` clicks of the bench stream and says how many per second it wrote. */
export async function fillTopic(target: Target, count: number, seed: number): Promise<number> {
  const log = createLogger('bench', 'warn')
  const schema = AVRO_SCHEMAS[TOPICS.clicks] ?? ''
  const registry = new RegistryClient({ url: target.schemaRegistryUrl, timeoutMs: 5_000 })
  const encode = createEncoder(schema, await registry.register(subjectOf(TOPICS.clicks), schema))
  const kafka = createKafka({ brokers: target.brokers, clientId: 'bench', requestTimeoutMs: 30_000 }, log)
  const producer = await startProducer(kafka, { maxBatchRecords: BATCH }, log)
  const startedAt = performance.now()
  let batch: OutgoingRecord[] = []
  let sent: Promise<void> = Promise.resolve()
  for (const click of eventStream(count, seed)) {
    batch.push({ topic: TOPICS.clicks, key: click.session_id, value: encode(click) })
    if (batch.length < BATCH) continue
    await sent
    sent = producer.value.send(batch)
    batch = []
  }
  await sent
  await producer.value.send(batch)
  await producer.stop()
  return count / ((performance.now() - startedAt) / 1_000)
}
