import type { Dataset } from '../../domain/archive/archive-file.js'
import { planFiles, SLOT_MS, type DayRows, type PlannedFile, type SlotRows } from '../../domain/archive/plan-files.js'
import { DAY_MS } from '../../domain/utc-day.js'
import { sqlText, type DuckDb, type RowAppender } from '../../platform/duckdb/duckdb.js'
import { appendEvent, columnsOf, type ArchivedEvent, type LogPosition } from './event-columns.js'

/** What was written to one file. */
export interface WrittenFile {
  readonly planned: PlannedFile
  readonly scratchFile: string
  readonly rows: number
  readonly firstOffset: number
  readonly lastOffset: number
  /** The highest min(event time, log append time). */
  readonly eventHighMs: number
}

let tables = 0

/** Rows of one partition on their way to Parquet: a table of an in-memory database, which spills to disk when it must. */
export class RowBuffer {
  readonly #dataset: Dataset
  readonly #table: string
  readonly #writing: DuckDb
  readonly #appender: RowAppender
  rows = 0
  /** Of the records' values, as Kafka has them. */
  bytes = 0

  private constructor(dataset: Dataset, table: string, writing: DuckDb, appender: RowAppender) {
    this.#dataset = dataset
    this.#table = table
    this.#writing = writing
    this.#appender = appender
  }

  /** @param filling the connection that rows are appended on @param writing the one that files are written on */
  static async open(dataset: Dataset, filling: DuckDb, writing: DuckDb): Promise<RowBuffer> {
    const table = `rows_${++tables}`
    await filling.run(`CREATE TABLE ${table} (${columnsOf(dataset)})`)
    return new RowBuffer(dataset, table, writing, await filling.openAppender(table))
  }

  add(event: ArchivedEvent, at: LogPosition, bytes: number): void {
    appendEvent(this.#appender, this.#dataset, event, at)
    this.rows++
    this.bytes += bytes
  }

  /**
   * Writes all rows to Parquet files, one for each day. May be repeated.
   * @param scratchOf where the file of a day is to be written
   */
  async write(scratchOf: (file: PlannedFile) => string): Promise<WrittenFile[]> {
    this.#appender.flush()
    const days = await this.#writing.rows<DayRows>(
      `SELECT event_ms // ${DAY_MS} AS "dayNumber", count(*) AS rows FROM ${this.#table} GROUP BY 1`,
    )
    const files: WrittenFile[] = []
    for (const planned of planFiles(days)) {
      const scratchFile = scratchOf(planned)
      const where = `event_ms // ${DAY_MS} IN (${planned.days.map(({ dayNumber }) => dayNumber).join(',')})`
      await this.#writing.run(
        `COPY (SELECT * FROM ${this.#table} WHERE ${where}) TO ${sqlText(scratchFile)} (FORMAT parquet, COMPRESSION zstd)`,
      )
      const [span] = await this.#writing.rows<Pick<WrittenFile, 'rows' | 'firstOffset' | 'lastOffset' | 'eventHighMs'>>(
        `SELECT count(*) AS rows, min(kafka_offset) AS "firstOffset", max(kafka_offset) AS "lastOffset",
                max(least(event_ms, append_ms)) AS "eventHighMs"
           FROM ${this.#table} WHERE ${where}`,
      )
      if (span) files.push({ planned, scratchFile, ...span })
    }
    return files
  }

  /** How many rows each quarter of an hour of event time has. */
  slots(): Promise<SlotRows[]> {
    return this.#writing.rows<SlotRows>(
      `SELECT event_ms // ${SLOT_MS} * ${SLOT_MS} AS "startMs", count(*) AS rows FROM ${this.#table} GROUP BY 1`,
    )
  }

  /** Gives its memory back. */
  async close(): Promise<void> {
    this.#appender.close()
    await this.#writing.run(`DROP TABLE IF EXISTS ${this.#table}`)
  }
}
