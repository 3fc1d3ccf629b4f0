import type { AnomalyRow } from '../../db/stores/anomaly-rows.js'
import { TOPICS } from '../../domain/events.js'
import { createEncoder } from '../../platform/avro/codec.js'
import type { OutgoingRecord, Producer } from '../../platform/kafka/producer.js'
import type { Logger } from '../../platform/logger.js'
import { PlatformError } from '../../platform/platform-error.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'
import { rowKey } from './anomaly-writer.js'

export interface AnomalyFeedDeps {
  /** Its own, so that a flood of dead letters does not stand in the way. */
  readonly producer: Pick<Producer, 'send'>
  /** Finds out the id under which the registry has a schema of the topic. Asked again while the registry is away. */
  readonly schemaIdOf: (topic: string) => Promise<number>
  /** Changes that may wait; beyond it the partitions are held. */
  readonly maxQueuedChanges: number
  readonly observer: FeedObserver
  readonly log: Logger
}

export interface FeedObserver {
  published(changes: number): void
}

/** Where the changes of anomalies go. */
export type AnomalyChanges = Pick<AnomalyFeed, 'add' | 'drop' | 'isFull'>

/** For a fresh log: whoever acts on anomalies must not see those of a log that is over. */
export const NOT_PUBLISHED: AnomalyChanges = {
  add: () => Promise.resolve(),
  drop: () => undefined,
  isFull: false,
}

/** A change that waits; without a row once its partition has gone to another owner. */
interface Entry {
  row: AnomalyRow | undefined
}

interface Waiter {
  readonly entries: number
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

const MAX_CHANGES_PER_SEND = 2_000
const REGISTRY_PAUSE_MS = 1_000

/**
 * Publishes what becomes of anomalies, one record per change, to `km.anomalies.v1`. A change is on its way as soon as it is
 * given, and nobody waits for it but the checkpoint that passes it. All records of a session are in the order of their
 * changes; an open anomaly whose record still waits is told of once, with its latest figures. After a crash changes come
 * again: (window_start, session_id, rule_id, mode, as_of_offset) tells a repeat, and the highest as_of_offset is the
 * latest version.
 */
export class AnomalyFeed {
  readonly #deps: AnomalyFeedDeps
  #queue: Entry[] = []
  /** By key, the entry of an open anomaly that a newer version may still take. */
  readonly #replaceable = new Map<string, Entry>()
  #waiters: Waiter[] = []
  /** Entries ever taken in, and of them those that are acknowledged or void. */
  #added = 0
  #settled = 0
  #inFlight = 0
  #encode: ((value: object) => Buffer) | undefined
  #running: Promise<void> | undefined
  #failure: Error | undefined
  #stopped = false

  constructor(deps: AnomalyFeedDeps) {
    this.#deps = deps
  }

  get queuedChanges(): number {
    return this.#queue.length + this.#inFlight
  }

  get isFull(): boolean {
    return this.queuedChanges >= this.#deps.maxQueuedChanges
  }

  /**
   * Takes changes in the order in which they happened.
   * @returns resolves when all that was given until now is acknowledged by all in-sync replicas
   * @throws PlatformError KAFKA_UNAVAILABLE; REGISTRY_REFUSED when the registry does not take the schema
   */
  add(rows: readonly AnomalyRow[]): Promise<void> {
    if (rows.length === 0) return Promise.resolve()
    if (this.#failure) return Promise.reject(this.#failure)
    for (const row of rows) this.#enqueue(row)
    const settled = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ entries: this.#added, resolve, reject })
    })
    this.#running ??= this.#run()
    return settled
  }

  /** Forgets what waits of a partition that has another owner now: that one publishes it again from the log. */
  drop(topic: string, partition: number): void {
    for (const entry of this.#queue)
      if (entry.row?.topic === topic && entry.row.partition === partition) {
        this.#replaceable.delete(rowKey(entry.row))
        entry.row = undefined
      }
  }

  /** Waits for the send that is under way; what still waits is published again by the next owner. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  #enqueue(row: AnomalyRow): void {
    const key = rowKey(row)
    const waiting = this.#replaceable.get(key)
    const isOpen = row.anomaly.status === 'open'
    if (waiting && isOpen) {
      waiting.row = row
      return
    }
    const entry: Entry = { row }
    this.#queue.push(entry)
    this.#added++
    if (isOpen) this.#replaceable.set(key, entry)
    else this.#replaceable.delete(key)
  }

  async #run(): Promise<void> {
    // One turn of the event loop: the row is on its way to PostgreSQL first, and what came with it goes in the same send.
    await new Promise<void>((resolve) => setImmediate(resolve))
    try {
      while (this.#queue.length > 0 && !this.#stopped) await this.#sendSome()
    } catch (cause) {
      // The checkpoints that wait fail with it, and the process starts anew from the last ones.
      this.#failure = cause instanceof Error ? cause : new Error('not published', { cause })
      const waiters = this.#waiters
      this.#waiters = []
      for (const { reject } of waiters) reject(cause)
      this.#deps.log.warn({ err: cause, changes: this.queuedChanges }, 'anomaly_changes_not_published')
    }
    this.#running = undefined // in the turn in which the queue was found empty: what comes later starts another run
  }

  async #sendSome(): Promise<void> {
    const encode = (this.#encode ??= await this.#learnSchema())
    if (!encode) return
    const some = this.#queue.slice(0, MAX_CHANGES_PER_SEND)
    this.#queue = this.#queue.slice(some.length)
    const records: OutgoingRecord[] = []
    for (const { row } of some) {
      if (!row) continue
      this.#replaceable.delete(rowKey(row))
      records.push(changeRecord(row, encode))
    }
    this.#inFlight = some.length
    try {
      await this.#deps.producer.send(records)
    } finally {
      this.#inFlight = 0
    }
    this.#settled += some.length
    this.#deps.observer.published(records.length)
    const isSettled = ({ entries }: Waiter): boolean => entries <= this.#settled
    for (const { resolve } of this.#waiters.filter(isSettled)) resolve()
    this.#waiters = this.#waiters.filter((waiter) => !isSettled(waiter))
  }

  /** @returns undefined while the registry is away */
  async #learnSchema(): Promise<((value: object) => Buffer) | undefined> {
    try {
      return createEncoder(AVRO_SCHEMAS[TOPICS.anomalies] ?? '', await this.#deps.schemaIdOf(TOPICS.anomalies))
    } catch (err) {
      if (!(err instanceof PlatformError) || err.code !== 'REGISTRY_UNAVAILABLE') throw err
      this.#deps.log.warn({ err, retryInMs: REGISTRY_PAUSE_MS, changes: this.queuedChanges }, 'anomaly_feed_waits')
      await new Promise((resolve) => setTimeout(resolve, REGISTRY_PAUSE_MS))
      return undefined
    }
  }
}

/** A change of an anomaly as subscribers read it: the row without its evidence, keyed by its session. */
export function changeRecord(
  { topic, partition, anomaly }: AnomalyRow,
  encode: (value: object) => Buffer,
): OutgoingRecord {
  const value = encode({
    session_id: anomaly.sessionId,
    user_id: anomaly.userId,
    rule_id: anomaly.ruleId,
    rule_version: anomaly.ruleVersion,
    window_start: anomaly.windowStartMs,
    window_end: anomaly.windowEndMs,
    event_count: anomaly.eventCount,
    distinct_items: anomaly.distinctItems,
    status: anomaly.status,
    mode: anomaly.mode,
    topic,
    kafka_partition: partition,
    first_offset: anomaly.firstOffset,
    last_offset: anomaly.lastOffset,
    as_of_offset: anomaly.asOfOffset,
  })
  return { topic: TOPICS.anomalies, key: anomaly.sessionId, value }
}
