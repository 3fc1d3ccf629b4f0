import { isRetryable } from '../../domain/errors.js'
import type { Database } from '../../db/pool.js'
import { DayPartitions, upsertAnomalies, type AnomalyRow } from '../../db/stores/anomaly-rows.js'
import type { Logger } from '../../platform/logger.js'

export interface AnomalyWriterLimits {
  /** Rows in one statement. */
  readonly maxRowsPerWrite: number
  /** Rows that may wait; beyond it the partitions are held. */
  readonly maxPendingRows: number
}

export interface WriterObserver {
  written(rows: number, seconds: number): void
  writeFailed(): void
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000

const keyOf = ({ anomaly }: AnomalyRow): string =>
  `${anomaly.windowStartMs}\0${anomaly.ruleId}\0${anomaly.mode}\0${anomaly.sessionId}`

/** Of two versions of one row, the later one, with the time at which the first was detected. */
const later = (a: AnomalyRow, b: AnomalyRow): AnomalyRow => ({
  ...(a.anomaly.asOfOffset > b.anomaly.asOfOffset ? a : b),
  detectedMs: Math.min(a.detectedMs, b.detectedMs),
})

/**
 * The fast way to PostgreSQL: rows are written as soon as the connection is free, all that wait in one statement, and
 * only the newest version of each. A checkpoint takes over the rows of its partition that have not been written.
 */
export class AnomalyWriter {
  readonly days = new DayPartitions()
  readonly #db: Database
  readonly #limits: AnomalyWriterLimits
  readonly #log: Logger
  readonly #observer: WriterObserver
  #pending = new Map<string, AnomalyRow>()
  #writing: Promise<void> | undefined
  #flying: readonly AnomalyRow[] = []
  #inFlight: Promise<void> = Promise.resolve()
  #pauseMs = 0
  #stopped = false

  constructor(db: Database, limits: AnomalyWriterLimits, observer: WriterObserver, log: Logger) {
    this.#db = db
    this.#limits = limits
    this.#observer = observer
    this.#log = log
  }

  get pendingRows(): number {
    return this.#pending.size
  }

  get isFull(): boolean {
    return this.#pending.size >= this.#limits.maxPendingRows
  }

  add(rows: readonly AnomalyRow[]): void {
    if (rows.length === 0) return
    for (const row of rows) this.#put(row)
    this.#writing ??= this.#run().finally(() => (this.#writing = undefined))
  }

  /** Takes the rows of one partition that are not written yet, once none of them is under way. */
  async take(topic: string, partition: number): Promise<AnomalyRow[]> {
    while (this.#flying.some((row) => row.topic === topic && row.partition === partition)) await this.#inFlight
    const taken: AnomalyRow[] = []
    for (const [key, row] of this.#pending) {
      if (row.topic !== topic || row.partition !== partition) continue
      this.#pending.delete(key)
      taken.push(row)
    }
    return taken
  }

  /** Forgets the rows of a partition that has another owner now. */
  drop(topic: string, partition: number): void {
    for (const [key, row] of this.#pending)
      if (row.topic === topic && row.partition === partition) this.#pending.delete(key)
  }

  /** Waits for the write that is under way; what still waits is in nobody's way, and comes again by replay. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#inFlight
  }

  async #run(): Promise<void> {
    // One turn of the event loop: the batches of other partitions that arrived with this one go into the same statement.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#pending.size > 0 && !this.#stopped) {
      this.#inFlight = this.#writeSome()
      await this.#inFlight
      if (this.#pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#pauseMs))
    }
  }

  /** Never rejects: rows that could not be written wait again, unless a newer version has come meanwhile. */
  async #writeSome(): Promise<void> {
    const rows = [...this.#pending.values()].slice(0, this.#limits.maxRowsPerWrite)
    for (const row of rows) this.#pending.delete(keyOf(row))
    this.#flying = rows
    const startedAt = performance.now()
    try {
      await this.days.ensureFor(this.#db, rows)
      await upsertAnomalies(this.#db, rows)
      this.#pauseMs = 0
      this.#observer.written(rows.length, (performance.now() - startedAt) / 1_000)
    } catch (err) {
      this.days.forgetOn(err)
      for (const row of rows) this.#put(row)
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2))
      this.#observer.writeFailed()
      const line = { err, rows: rows.length, retryInMs: this.#pauseMs }
      if (isRetryable(err)) this.#log.warn(line, 'anomalies_not_written')
      else this.#log.error(line, 'anomalies_refused')
    } finally {
      this.#flying = []
    }
  }

  #put(row: AnomalyRow): void {
    const key = keyOf(row)
    const waiting = this.#pending.get(key)
    this.#pending.set(key, waiting ? later(waiting, row) : row)
  }
}
