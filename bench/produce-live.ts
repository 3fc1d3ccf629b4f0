import { setTimeout as sleep } from 'node:timers/promises'
import { TOPICS, type Click } from '../domain/events.js'
import { createEncoder } from '../platform/avro/codec.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { createKafka } from '../platform/kafka/client.js'
import { startProducer } from '../platform/kafka/producer.js'
import { createLogger } from '../platform/logger.js'
import { AVRO_SCHEMAS, subjectOf } from '../schemas/avro-schemas.js'
import type { Stage } from './stage.js'

const TICK_MS = 10
/** So much may wait to be acknowledged: what is more is not sent, and the pace falls behind. */
const MAX_WAITING_S = 0.5

/**
 * Sends clicks at a steady pace, some hundred times a second, each with the time at which they are sent.
 * @param onAcknowledged told when Kafka has acknowledged those of a time
 * @returns how many were acknowledged; fewer than asked for when the machine does not keep up
 */
export async function produceLive(
  stage: Stage,
  clicks: Iterator<Click>,
  perSecond: number,
  seconds: number,
  onAcknowledged: (producedMs: number) => void = () => undefined,
): Promise<number> {
  const log = createLogger('bench', 'warn')
  const schema = AVRO_SCHEMAS[TOPICS.clicks] ?? ''
  const registry = new RegistryClient({ url: stage.schemaRegistryUrl, timeoutMs: 5_000 })
  const encode = createEncoder(schema, await registry.register(subjectOf(TOPICS.clicks), schema))
  const kafka = createKafka({ brokers: [stage.brokers], clientId: 'bench', requestTimeoutMs: 30_000 }, log)
  const producer = await startProducer(kafka, {}, log)
  const startedAt = performance.now()
  const sends = new Set<Promise<void>>()
  let paced = 0
  let made = 0
  while (performance.now() - startedAt < seconds * 1_000) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond)
    const isBehind = producer.value.queuedRecords > perSecond * MAX_WAITING_S
    const records = []
    const now = Date.now()
    for (; paced < due && !isBehind; paced++) {
      const click = { ...(clicks.next().value as Click), event_ts: now, ingest_ts: now }
      records.push({ topic: TOPICS.clicks, key: click.session_id, value: encode(click) })
    }
    paced = due
    made += records.length
    if (records.length > 0) {
      const send = producer.value
        .send(records)
        .then(() => onAcknowledged(now))
        .finally(() => sends.delete(send))
      sends.add(send)
    }
    await sleep(TICK_MS)
  }
  await Promise.all(sends)
  await producer.stop()
  return made
}
