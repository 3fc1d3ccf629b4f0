import { pino } from 'pino'
import { TOPICS } from '../../domain/events.js'
import { createEncoder } from '../../platform/avro/codec.js'
import { createKafka } from '../../platform/kafka/client.js'
import { startProducer } from '../../platform/kafka/producer.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'

export interface DeadLetterBatch {
  readonly code: string
  readonly topic: string
  readonly count: number
}

/** So many dead letters of one cause. */
export const batch = (code: string, topic: string, count: number): DeadLetterBatch => ({ code, topic, count })

/** An event whose schema nobody has registered. */
const VALUE = createEncoder(
  AVRO_SCHEMAS[TOPICS.clicks] ?? '',
  7_000_000,
)({
  ...{ event_id: 'e1', event_ts: Date.UTC(2026, 9, 6), ingest_ts: Date.UTC(2026, 9, 6), source: 'web' },
  ...{ session_id: 's1', user_id: null, event_type: 'page_view', item_id: null, page: '/', ip: null },
  ...{ user_agent: null, referrer: null },
})

/** Sends dead letters as the detector does, straight to their topic. */
export async function sendDeadLetters(brokers: string, batches: readonly DeadLetterBatch[]): Promise<void> {
  const log = pino({ level: 'silent' })
  const kafka = createKafka({ brokers: brokers.split(','), clientId: 'dead-letters', requestTimeoutMs: 10_000 }, log)
  const { value: producer, stop } = await startProducer(kafka, {}, log)
  try {
    for (const { code, topic, count } of batches)
      for (let sent = 0; sent < count; sent += 5_000)
        await producer.send(
          Array.from({ length: Math.min(5_000, count - sent) }, (_, i) => ({
            topic: TOPICS.deadLetters,
            key: `s${sent + i}`,
            value: VALUE,
            headers: {
              '__connect.errors.topic': topic,
              '__connect.errors.partition': '0',
              '__connect.errors.offset': String(sent + i),
              '__connect.errors.exception.message': 'the schema registry has no event schema 7',
              'guardian.error.code': code,
            },
          })),
        )
  } finally {
    await stop()
  }
}

/** Sends a dead letter for each of these records of the clicks, as a detector does that did not know their schema. */
export async function sendOrigins(
  brokers: readonly string[],
  origins: readonly { readonly partition: number; readonly offset: number }[],
): Promise<void> {
  const log = pino({ level: 'silent' })
  const kafka = createKafka({ brokers: [...brokers], clientId: 'dead-letters', requestTimeoutMs: 10_000 }, log)
  const { value: producer, stop } = await startProducer(kafka, {}, log)
  try {
    await producer.send(
      origins.map(({ partition, offset }) => ({
        topic: TOPICS.deadLetters,
        key: 's1',
        value: VALUE,
        headers: {
          '__connect.errors.topic': TOPICS.clicks,
          '__connect.errors.partition': String(partition),
          '__connect.errors.offset': String(offset),
          '__connect.errors.exception.message': 'the schema registry has no event schema 7',
          'guardian.error.code': 'DECODE',
        },
      })),
    )
  } finally {
    await stop()
  }
}
