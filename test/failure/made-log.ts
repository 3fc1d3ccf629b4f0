import { setTimeout as sleep } from 'node:timers/promises'
import { TOPICS, type Click, type Purchase } from '../../domain/events.js'
import { createEncoder } from '../../platform/avro/codec.js'
import { createKafka } from '../../platform/kafka/client.js'
import { startProducer, type OutgoingRecord, type Producer } from '../../platform/kafka/producer.js'
import { createLogger } from '../../platform/logger.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'
import { DetectionStage } from '../support/detection-stage.js'
import { testStack } from '../support/stack.js'

const TICK_MS = 20
/** Records that are handed to the producer at once. */
const CHUNK = 5_000

/** A click of which only what matters is said. */
export type ClickFields = Pick<Click, 'event_id' | 'session_id' | 'event_ts'> & Partial<Click>

export const clickOf = (fields: ClickFields): Click => ({
  ingest_ts: fields.event_ts,
  source: 'made',
  user_id: null,
  event_type: 'item_view',
  item_id: 'item-1',
  page: '/made',
  ip: null,
  user_agent: null,
  referrer: null,
  ...fields,
})

/**
 * Gives work topics and a database of its own, and a maker for their log; ends both, however the work ends.
 * @param env settings of the detectors that are started there
 */
export async function withMadeLog<T>(
  work: (stage: DetectionStage, maker: LogMaker) => Promise<T>,
  env: Record<string, string> = {},
): Promise<T> {
  const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'), env)
  try {
    const maker = await LogMaker.open(stage)
    try {
      return await work(stage, maker)
    } finally {
      await maker.stop()
    }
  } finally {
    await stage.close()
  }
}

/** Writes logs by hand to the topics of a stage, record by record, for faults that no shop has. */
export class LogMaker {
  readonly schemaIds: Readonly<Record<string, number>>
  readonly encodeClick: (click: Click) => Buffer
  readonly encodePurchase: (purchase: Purchase) => Buffer
  readonly #producer: Producer
  readonly stop: () => Promise<void>

  private constructor(schemaIds: Readonly<Record<string, number>>, producer: Producer, stop: () => Promise<void>) {
    const encoder = (topic: string) => createEncoder(AVRO_SCHEMAS[topic] ?? '', schemaIds[topic] ?? 0)
    this.schemaIds = schemaIds
    this.encodeClick = encoder(TOPICS.clicks)
    this.encodePurchase = encoder(TOPICS.purchases)
    this.#producer = producer
    this.stop = stop
  }

  static async open(stage: DetectionStage): Promise<LogMaker> {
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const idOf = (topic: string) => schemas.find(({ subject }) => subject === `${topic}-value`)?.id ?? 0
    const topics = [TOPICS.clicks, TOPICS.purchases, TOPICS.anomalies]
    const log = createLogger('log-maker', 'fatal')
    const kafka = createKafka({ brokers: stage.brokers, clientId: 'log-maker', requestTimeoutMs: 30_000 }, log)
    const { value, stop } = await startProducer(kafka, {}, log)
    return new LogMaker(Object.fromEntries(topics.map((topic) => [topic, idOf(topic)])), value, stop)
  }

  /** A click's record, on the partition of its session unless another is said. */
  click(fields: ClickFields, partition?: number): OutgoingRecord {
    const value = this.encodeClick(clickOf(fields))
    return { topic: TOPICS.clicks, key: fields.session_id, value, ...(partition === undefined ? {} : { partition }) }
  }

  /** Sends records in their order, and waits until Kafka has them all. */
  async send(records: Iterable<OutgoingRecord>): Promise<void> {
    let chunk: OutgoingRecord[] = []
    for (const record of records) {
      chunk.push(record)
      if (chunk.length < CHUNK) continue
      await this.#producer.send(chunk)
      chunk = []
    }
    await this.#producer.send(chunk)
  }

  /** Sends what `next` gives for each number from 0 on, so many numbers a second, for a while. */
  async sendPaced(
    ratePerSecond: number,
    seconds: number,
    next: (n: number) => readonly OutgoingRecord[],
  ): Promise<void> {
    const startedAt = performance.now()
    const sends: Promise<void>[] = []
    for (let sent = 0; sent < ratePerSecond * seconds;) {
      await sleep(TICK_MS)
      const due = Math.min(((performance.now() - startedAt) / 1_000) * ratePerSecond, ratePerSecond * seconds)
      const records: OutgoingRecord[] = []
      for (; sent < due; sent++) records.push(...next(sent))
      sends.push(this.#producer.send(records))
    }
    await Promise.all(sends)
  }
}
