import { openPool, type Database } from '../db/pool.js'
import { poolSettings } from '../db/pool-settings.js'
import { reportProduced, type ProducedCount } from '../db/stores/minute-counts.js'
import { MINUTE_MS } from '../domain/detection/minute-counts.js'
import { loadConfig } from '../platform/config.js'
import type { Part } from '../platform/lifecycle.js'
import type { Terminal } from './terminal.js'

/** Where a record went, and when it happened. */
export interface ProducedRecord {
  readonly topic: string
  readonly partition: number
  /** Undefined when the record has no event time that can be used. */
  readonly eventMs: number | undefined
}

/** Counts, by minute, what Kafka has acknowledged, and tells the database. */
export interface ProducedReport {
  acknowledged(records: readonly ProducedRecord[]): void
}

const REPORT_EVERY_MS = 1_000
/** Counts that are kept between two reports; beyond it they are told and begin anew. */
const MAX_COUNTS = 50_000

/**
 * Reports to the database of `DATABASE_URL`; where none is named, nobody is told. A report that fails is tried again with the
 * next, and never stands in the way of sending.
 * @param source names this run and no other
 */
export async function openProducedReport(source: string, { env, log, say }: Terminal): Promise<Part<ProducedReport>> {
  if (env['DATABASE_URL'] === undefined)
    return { value: { acknowledged: () => undefined }, stop: () => Promise.resolve() }
  const config = loadConfig(
    ['DATABASE_URL', 'PG_CONNECT_TIMEOUT_MS', 'PG_STATEMENT_TIMEOUT_MS', 'PG_LOCK_TIMEOUT_MS'],
    env,
  )
  const pool = await openPool(poolSettings({ ...config, PG_POOL_MAX: 1 }, 'guardian-cli'), log)
  const report = new MinuteReport(pool.value, source)
  const tell = () => report.tell().catch((err: unknown) => log.warn({ err }, 'produced_counts_not_reported'))
  const timer = setInterval(() => void tell(), REPORT_EVERY_MS)
  const stop = async () => {
    clearInterval(timer)
    try {
      await report.tell()
    } catch (err) {
      log.warn({ err }, 'produced_counts_not_reported')
      say('what was sent could not be told to the database: it will seem that nobody has counted it')
    } finally {
      await pool.stop()
    }
  }
  return { value: report, stop }
}

class MinuteReport implements ProducedReport {
  readonly #db: Database
  readonly #source: string
  #part = 0
  #counts = new Map<string, ProducedCount>()
  #untold = new Set<string>()
  #closed: { readonly source: string; readonly counts: readonly ProducedCount[] } | undefined
  #telling: Promise<void> | undefined

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

  /** Tells what has changed. @throws GRD_STORE_* */
  async tell(): Promise<void> {
    await this.#telling?.catch(() => undefined)
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
