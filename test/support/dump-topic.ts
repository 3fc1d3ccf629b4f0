import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { randomUUID } from 'node:crypto'
import kafkajs, { type IHeaders, type KafkaMessage } from 'kafkajs'
import type { DumpedRecord } from './run-oracle.js'

const base64 = (bytes: Buffer | string | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString('base64')

/** Reads everything that topics hold now, as Kafka gives it, without any code of the product. In offset order per partition. */
export async function readTopics(brokers: readonly string[], topics: readonly string[]): Promise<DumpedRecord[]> {
  const records: DumpedRecord[] = []
  await scanTopics(brokers, topics, (topic, partition, message) => records.push(dumped(topic, partition, message)))
  return records.sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition || a.offset - b.offset)
}

/** Writes everything that topics hold now as JSON lines, and keeps nothing of it. In offset order per partition. */
export async function dumpTopics(file: string, brokers: readonly string[], topics: readonly string[]): Promise<void> {
  const out = createWriteStream(file)
  await scanTopics(
    brokers,
    topics,
    (topic, partition, message) => out.write(`${JSON.stringify(dumped(topic, partition, message))}\n`),
    () => (out.writableNeedDrain ? once(out, 'drain') : undefined),
  )
  out.end()
  await once(out, 'close')
}

/** The same with nothing made of it: `take` sees each message once, those of a partition in offset order. */
export async function scanTopics(
  brokers: readonly string[],
  topics: readonly string[],
  take: (topic: string, partition: number, message: KafkaMessage) => void,
  betweenBatches: () => unknown = () => undefined,
): Promise<void> {
  const kafka = new kafkajs.Kafka({ clientId: 'dump', brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const missing = new Map<string, { next: number; readonly end: number }>()
  for (const topic of topics)
    for (const { partition, high, low } of await admin.fetchTopicOffsets(topic))
      if (Number(high) > Number(low)) missing.set(`${topic}/${partition}`, { next: Number(low), end: Number(high) })
  const groupId = `dump-${randomUUID()}`
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 })
  try {
    if (missing.size === 0) return
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      // A coordinator that is still loading is no reason to give up: kafkajs starts anew, from the beginning.
      consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error))
      consumer
        .run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            const { topic, partition, messages } = batch
            const part = missing.get(`${topic}/${partition}`)
            if (part === undefined) return
            for (const message of messages) {
              const offset = Number(message.offset)
              if (offset >= part.next && offset < part.end) take(topic, partition, message)
            }
            part.next = Math.max(part.next, Number(batch.lastOffset()) + 1)
            await betweenBatches()
            if (part.next >= part.end) missing.delete(`${topic}/${partition}`)
            if (missing.size === 0) resolve()
          },
        })
        .catch(reject)
    })
  } finally {
    await consumer.disconnect()
    await admin.deleteGroups([groupId]).catch(() => undefined) // a group that never joined is not there
    await admin.disconnect()
  }
}

/** Writes records as JSON lines. */
export async function writeDump(file: string, records: readonly DumpedRecord[]): Promise<void> {
  const out = createWriteStream(file)
  for (const record of records) if (!out.write(`${JSON.stringify(record)}\n`)) await once(out, 'drain')
  out.end()
  await once(out, 'close')
}

const dumped = (topic: string, partition: number, message: KafkaMessage): DumpedRecord => ({
  topic,
  partition,
  offset: Number(message.offset),
  timestamp: Number(message.timestamp),
  key: base64(message.key),
  value: base64(message.value),
  headers: headersOf(message.headers ?? {}),
})

/**
 * A header that is there several times keeps all its values, in order. kafkajs puts what every object has in front of the
 * values of a header that is called like it, such as `constructor`.
 */
const headersOf = (headers: IHeaders): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      (Array.isArray(value) ? value : [value ?? ''])
        .filter((bytes) => typeof bytes === 'string' || Buffer.isBuffer(bytes))
        .map((bytes) => base64(bytes) ?? ''),
    ]),
  )
