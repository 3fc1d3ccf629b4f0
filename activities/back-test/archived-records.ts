import { clientOf, type Client } from '../../domain/detection/client.js'
import type { ObservedEvent } from '../../domain/detection/fate.js'
import type { DuckDb } from '../../platform/duckdb/duckdb.js'
import { withScratchDuckDb } from '../../platform/duckdb/scratch-duckdb.js'
import { archivedTable, fillFlaggedSessions } from '../archive-sql.js'

export interface ArchiveReaderSettings {
  readonly memoryLimitBytes: number
  readonly threads: number
  /** Interrupts the statement that runs. */
  readonly signal?: AbortSignal
}

/** A file of the manifest, as DuckDB opens it, with the offsets of its records. */
export interface ArchivedFile {
  readonly path: string
  readonly firstOffset: number
  readonly lastOffset: number
}

export interface ArchivedRecord extends ObservedEvent {
  readonly kafka_offset: number
  readonly append_ms: number
}

type ArchivedClick = Omit<ArchivedRecord, 'client'> & Client

/** Offsets that are read at once: some ten megabytes of records. */
const OFFSETS_AT_ONCE = 20_000

/** Reads Parquet files of the archive within a bounded memory. */
export class ArchivedRecords {
  readonly #db: DuckDb

  private constructor(db: DuckDb) {
    this.#db = db
  }

  /** Opens it for the time of the work. */
  static with<T>(settings: ArchiveReaderSettings, work: (archive: ArchivedRecords) => Promise<T>): Promise<T> {
    return withScratchDuckDb(settings, (db) => work(new ArchivedRecords(db)))
  }

  /** The clicks of one partition in the order of their offsets, some at a time. Files may overlap in their offsets. */
  async *clicks(partition: number, files: readonly ArchivedFile[]): AsyncGenerator<ArchivedRecord[]> {
    const end = Math.max(-1, ...files.map(({ lastOffset }) => lastOffset)) + 1
    for (let from = nextOffset(files, 0); from < end; from = nextOffset(files, from + OFFSETS_AT_ONCE)) {
      const to = from + OFFSETS_AT_ONCE
      const own = files.filter(({ firstOffset, lastOffset }) => firstOffset < to && lastOffset >= from)
      const rows = await this.#db.rows<ArchivedClick>(
        `SELECT kafka_offset, append_ms, event_id, event_ms AS event_ts, ingest_ms AS ingest_ts, session_id, user_id, item_id,
                ip, user_agent
           FROM ${archivedTable(own.map(({ path }) => path))}
          WHERE kafka_partition = ${partition} AND kafka_offset >= ${from} AND kafka_offset < ${to} ORDER BY kafka_offset`,
      )
      yield rows.map(({ ip, user_agent, ...record }) => ({ ...record, client: clientOf(ip, user_agent) }))
    }
  }

  /** Which of the sessions bought something in `[fromMs, toMs)`. @param files of purchases */
  async boughtAmong(
    sessions: readonly string[],
    files: readonly string[],
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  ): Promise<Set<string>> {
    if (sessions.length === 0 || files.length === 0) return new Set()
    await fillFlaggedSessions(this.#db, sessions)
    const rows = await this.#db.rows<{ session_id: string }>(
      `SELECT DISTINCT f.session_id FROM flagged_session f JOIN ${archivedTable(files)} p ON p.session_id = f.session_id
        WHERE p.event_ms >= ${fromMs} AND p.event_ms < ${toMs}`,
    )
    return new Set(rows.map(({ session_id }) => session_id))
  }
}

/** The first offset from `from` on that a file may have. */
function nextOffset(files: readonly ArchivedFile[], from: number): number {
  const left = files.filter(({ lastOffset }) => lastOffset >= from)
  return left.length === 0 ? Number.POSITIVE_INFINITY : Math.max(from, Math.min(...left.map((f) => f.firstOffset)))
}
