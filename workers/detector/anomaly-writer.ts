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

/** Tells one anomaly from another: the primary key of its row. */
export const rowKey = ({ anomaly }: AnomalyRow): string =>
  `${anomaly.windowStartMs}\0${anomaly.ruleId}\0${anomaly.mode}\0${anomaly.sessionId}`

/**
 * The fast way to PostgreSQL: rows are written as soon as the connection is free, all that wait in one statement, and
 * only the newest version of each. Its commits need not wait for the disk, because every row that changed since the last
 * checkpoint goes into the next one once more, which does wait, and changes only what was lost.
 */
export class AnomalyWriter {
  readonly days = new DayPartitions()
  readonly #db: Database
  readonly #limits: AnomalyWriterLimits
  readonly #log: Logger
  readonly #observer: WriterObserver
  readonly #pending = new Map<string, AnomalyRow>()
  /** By partition, the rows that no checkpoint has taken. */
  readonly #uncommitted = new Map<string, Map<string, AnomalyRow>>()
  #running: Promise<void> | undefined
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
    for (const row of rows) {
      const key = rowKey(row)
      keepLatest(this.#pending, key, row)
      keepLatest(this.#rowsOf(row), key, row)
    }
    if (this.#pending.size > 0) this.#running ??= this.#run()
  }

  /** Hands the rows of a partition that changed since the last call to its checkpoint, which writes them for good. */
  take(topic: string, partition: number): AnomalyRow[] {
    const rows = this.#rowsOf({ topic, partition })
    const taken = [...rows.values()]
    for (const key of rows.keys()) this.#pending.delete(key)
    rows.clear()
    return taken
  }

  /** Forgets the rows of a partition that has another owner now: they come again from the log. */
  drop(topic: string, partition: number): void {
    this.take(topic, partition)
    this.#uncommitted.delete(`${topic}/${partition}`)
  }

  /** Waits for the write that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    // One turn of the event loop: the batches of other partitions that arrived with this one go into the same statement.
    await new Promise<void>((resolve) => setImmediate(resolve))
    let pauseMs = 0
    while (this.#pending.size > 0 && !this.#stopped) {
      const isWritten = await this.#writeSome(pauseMs)
      pauseMs = isWritten ? 0 : Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pauseMs * 2))
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    this.#running = undefined // in the turn in which nothing was pending: what comes later starts another run
  }

  /** @returns false when the rows could not be written: they wait again, unless a newer version has come meanwhile */
  async #writeSome(pausedMs: number): Promise<boolean> {
    const some = [...this.#pending].slice(0, this.#limits.maxRowsPerWrite)
    for (const [key] of some) this.#pending.delete(key)
    const rows = some.map(([, row]) => row)
    const startedAt = performance.now()
    try {
      await this.days.ensureFor(this.#db, rows)
      await upsertAnomalies(this.#db, rows)
      this.#observer.written(rows.length, (performance.now() - startedAt) / 1_000)
      return true
    } catch (err) {
      this.days.forgetOn(err)
      for (const [key, row] of some) if (this.#rowsOf(row).has(key)) keepLatest(this.#pending, key, row)
      this.#observer.writeFailed()
      const line = { err, rows: rows.length, pausedMs }
      if (isRetryable(err)) this.#log.warn(line, 'anomalies_not_written')
      else this.#log.error(line, 'anomalies_refused')
      return false
    }
  }

  #rowsOf({ topic, partition }: Pick<AnomalyRow, 'topic' | 'partition'>): Map<string, AnomalyRow> {
    const name = `${topic}/${partition}`
    let rows = this.#uncommitted.get(name)
    if (!rows) this.#uncommitted.set(name, (rows = new Map<string, AnomalyRow>()))
    return rows
  }
}

/** Of two versions of one row keeps the later one, with the time at which the first was detected. */
function keepLatest(rows: Map<string, AnomalyRow>, key: string, row: AnomalyRow): void {
  const other = rows.get(key)
  if (!other) {
    rows.set(key, row)
    return
  }
  const later = other.anomaly.asOfOffset > row.anomaly.asOfOffset ? other : row
  rows.set(key, { ...later, detectedMs: Math.min(other.detectedMs, row.detectedMs) })
}
