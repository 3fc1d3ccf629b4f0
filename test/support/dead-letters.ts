import { pino } from 'pino'
import { TOPICS } from '../../domain/events.js'
import { createKafka } from '../../platform/kafka/client.js'
import { startProducer } from '../../platform/kafka/producer.js'

export interface DeadLetterBatch {
  readonly code: string
  readonly topic: string
  readonly count: number
}

/** So many dead letters of one cause. */
export const batch = (code: string, topic: string, count: number): DeadLetterBatch => ({ code, topic, count })

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
            value: Buffer.from('not an event'),
            headers: {
              '__connect.errors.topic': topic,
              '__connect.errors.partition': '0',
              '__connect.errors.offset': String(sent + i),
              'guardian.error.code': code,
            },
          })),
        )
  } finally {
    await stop()
  }
}
