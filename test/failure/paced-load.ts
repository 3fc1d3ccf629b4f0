import { setTimeout as sleep } from 'node:timers/promises'
import avsc, { type Schema } from 'avsc'
import { TOPICS, type Click } from '../../domain/events.js'
import { createEncoder } from '../../platform/avro/codec.js'
import { createKafka } from '../../platform/kafka/client.js'
import { startProducer, type OutgoingRecord, type Producer } from '../../platform/kafka/producer.js'
import { createLogger } from '../../platform/logger.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'
import { scanTopics } from '../support/dump-topic.js'

const SCHEMA = AVRO_SCHEMAS[TOPICS.clicks] ?? ''
const TICK_MS = 10
const SESSIONS = 20_000
/** Fewer than the producer lets wait: what is due stays due, and is made up for when it gets on again. */
const MOST_WAITING = 20_000

/** What the log holds of the clicks that were sent. */
export interface LoadResult {
  readonly offered: number
  readonly acknowledged: number
  /** Told to have failed: in the log or not. */
  readonly failed: number
  /** Acknowledged, and not in the log. */
  readonly lost: number
  /** Different clicks in the log. */
  readonly distinct: number
  /** Copies in the log beyond the first. */
  readonly duplicated: number
  /** Acknowledged a second, from the first click to the last answer. */
  readonly rate: number
  /** The longest time in which nothing was acknowledged. */
  readonly longestStallMs: number
}

/** Clicks with a number each, sent through the project's producer at a given rate until it is stopped. */
export class PacedLoad {
  readonly #producer: Producer
  readonly #stopProducer: () => Promise<void>
  readonly #encode: (click: object) => Buffer
  readonly #ratePerSecond: number
  readonly #acknowledged: boolean[] = []
  readonly #sends = new Set<Promise<void>>()
  readonly #startedAt = performance.now()
  #offered = 0
  #failed = 0
  #count = 0
  #lastAt = performance.now()
  #longestStallMs = 0
  #isStopping = false
  #run: Promise<void> = Promise.resolve()

  private constructor(producer: Producer, stop: () => Promise<void>, schemaId: number, ratePerSecond: number) {
    this.#producer = producer
    this.#stopProducer = stop
    this.#encode = createEncoder(SCHEMA, schemaId)
    this.#ratePerSecond = ratePerSecond
  }

  static async start(brokers: readonly string[], schemaId: number, ratePerSecond: number): Promise<PacedLoad> {
    const log = createLogger('load', 'fatal')
    const kafka = createKafka({ brokers, clientId: 'load', requestTimeoutMs: 30_000 }, log)
    const { value, stop } = await startProducer(kafka, {}, log)
    const load = new PacedLoad(value, stop, schemaId, ratePerSecond)
    load.#run = load.#keepUp()
    return load
  }

  /** Clicks acknowledged until now. */
  get acknowledged(): number {
    return this.#count
  }

  /** Stops sending, waits for every answer, and compares the log with the answers. */
  async settle(brokers: readonly string[]): Promise<LoadResult> {
    this.#isStopping = true
    await this.#run
    await Promise.all(this.#sends)
    const seconds = (performance.now() - this.#startedAt) / 1_000
    await this.#stopProducer()
    const copies = await countCopies(brokers, this.#offered)
    const lost = this.#acknowledged.reduce((sum, isAcked, n) => sum + (isAcked && copies[n] === 0 ? 1 : 0), 0)
    const distinct = copies.reduce((sum, n) => sum + (n > 0 ? 1 : 0), 0)
    const duplicated = copies.reduce((sum, n) => sum + Math.max(0, n - 1), 0)
    return {
      offered: this.#offered,
      acknowledged: this.#count,
      failed: this.#failed,
      lost,
      distinct,
      duplicated,
      rate: Math.round(this.#count / seconds),
      longestStallMs: Math.round(this.#longestStallMs),
    }
  }

  async #keepUp(): Promise<void> {
    while (!this.#isStopping) {
      await sleep(TICK_MS)
      const due = ((performance.now() - this.#startedAt) / 1_000) * this.#ratePerSecond
      const room = MOST_WAITING - this.#producer.queuedRecords
      const count = Math.min(Math.floor(due) - this.#offered, room)
      if (count > 0) this.#send(count)
    }
  }

  #send(count: number): void {
    const first = this.#offered
    this.#offered += count
    const records = Array.from({ length: count }, (_, k): OutgoingRecord => this.#record(first + k))
    const send = this.#producer.send(records).then(
      () => {
        for (let n = first; n < first + count; n++) this.#acknowledged[n] = true
        this.#count += count
        this.#longestStallMs = Math.max(this.#longestStallMs, performance.now() - this.#lastAt)
        this.#lastAt = performance.now()
      },
      () => void (this.#failed += count),
    )
    this.#sends.add(send)
    void send.finally(() => this.#sends.delete(send))
  }

  #record(n: number): OutgoingRecord {
    const event_ts = Date.now()
    const click: Click = {
      event_id: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`,
      event_ts,
      ingest_ts: event_ts,
      source: 'load',
      session_id: `load-${n % SESSIONS}`,
      user_id: null,
      event_type: 'item_view',
      item_id: `item-${n % 1_000}`,
      page: '/load',
      ip: null,
      user_agent: null,
      referrer: null,
    }
    return { topic: TOPICS.clicks, key: click.session_id, value: this.#encode(click) }
  }
}

/** How often each click is in the log, by its number. */
async function countCopies(brokers: readonly string[], offered: number): Promise<Uint8Array> {
  const type = avsc.Type.forSchema(JSON.parse(SCHEMA) as Schema, { wrapUnions: false })
  const copies = new Uint8Array(offered)
  await scanTopics(brokers, [TOPICS.clicks], (_topic, _partition, { value }) => {
    const { event_id } = type.fromBuffer((value ?? Buffer.alloc(0)).subarray(5)) as Click
    const n = Number.parseInt(event_id.slice(-12), 16)
    if (!(n < offered)) throw new Error(`click ${event_id} was never sent`)
    copies[n] = (copies[n] ?? 0) + 1
  })
  return copies
}
