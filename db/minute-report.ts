import { MINUTE_MS } from '../domain/detection/minute-counts.js'
import type { Database } from './pool.js'
import { reportProduced, type ProducedCount } from './stores/minute-counts.js'

/** Where a record went, and when it happened. */
export interface ProducedRecord {
  readonly topic: string
  readonly partition: number
  /** Undefined when the record has no event time that can be used. */
  readonly eventMs: number | undefined
}

/** Counts that are kept between two reports; beyond it they are told and begin anew. */
const MAX_COUNTS = 50_000

/** Counts, by minute, what Kafka has acknowledged, and tells the database when it is asked to. */
export class MinuteReport {
  readonly #db: Database
  readonly #source: string
  #part = 0
  #counts = new Map<string, ProducedCount>()
  #untold = new Set<string>()
  #closed: { readonly source: string; readonly counts: readonly ProducedCount[] } | undefined
  #telling: Promise<void> | undefined
  /** Waits for that to end. */
  #next: Promise<void> | undefined

  /** @param source names this run of the producer and no other */
  constructor(db: Database, source: string) {
    this.#db = db
    this.#source = source
  }

  acknowledged(records: readonly ProducedRecord[]): void {
    const nowMs = Date.now()
    for (const { topic, partition, eventMs } of records) {
      const clock = eventMs === undefined ? 'append' : 'event'
      const minuteMs = Math.floor((eventMs ?? nowMs) / MINUTE_MS) * MINUTE_MS
      const key = `${topic} ${partition} ${clock} ${minuteMs}`
      const before = this.#counts.get(key)?.records ?? 0
      this.#counts.set(key, { topic, partition, clock, minuteMs, records: before + 1 })
      this.#untold.add(key)
    }
  }

  /** Tells what has changed until the telling under way, if there is one, has ended. @throws GRD_STORE_* */
  tell(): Promise<void> {
    return (this.#next ??= this.#tellNext())
  }

  /** One at a time: what one could not tell has to be there for the next, and for the last above all. */
  async #tellNext(): Promise<void> {
    await this.#telling?.catch(() => undefined)
    this.#next = undefined
    this.#telling = this.#tell()
    await this.#telling
  }

  async #tell(): Promise<void> {
    if (this.#counts.size > MAX_COUNTS && this.#closed === undefined) this.#closePart()
    if (this.#closed) await reportProduced(this.#db, this.#closed.source, this.#closed.counts)
    this.#closed = undefined
    const untold = this.#untold
    this.#untold = new Set()
    try {
      await reportProduced(this.#db, this.#sourceOfPart(), this.#countsOf(untold))
    } catch (error) {
      for (const key of untold) this.#untold.add(key)
      throw error
    }
  }

  /** What follows is counted from zero, as another part of the same run, so that memory stays bounded. */
  #closePart(): void {
    this.#closed = { source: this.#sourceOfPart(), counts: this.#countsOf(this.#untold) }
    this.#part++
    this.#counts = new Map()
    this.#untold = new Set()
  }

  #sourceOfPart(): string {
    return `${this.#source}.${this.#part}`
  }

  #countsOf(keys: ReadonlySet<string>): ProducedCount[] {
    return [...keys].map((key) => this.#counts.get(key)).filter((count) => count !== undefined)
  }
}
