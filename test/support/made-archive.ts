import { commitArchive, takeArchive } from '../../db/stores/archive.js'
import type { Database } from '../../db/pool.js'
import { archiveFileStem, archiveKey, topicOf } from '../../domain/archive/archive-file.js'
import { startOfDayMs, type UtcDay } from '../../domain/utc-day.js'
import { archivedTable } from '../../activities/archive-sql.js'
import { sqlText } from '../../platform/duckdb/duckdb.js'
import { withScratchDuckDb } from '../../platform/duckdb/scratch-duckdb.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import { columnsOf } from '../../workers/archiver/event-columns.js'

const TOPIC = topicOf('clicks')
const SETTINGS = { memoryLimitBytes: 268_435_456, threads: 1 }

/** Archives made-up clicks of one day as an archiver would: one roll after the other, each a file and a commit. */
export class MadeArchive {
  readonly #db: Database
  readonly #storage: ObjectStorage
  readonly #next = new Map<number, { epoch: number; offset: number }>()

  constructor(db: Database, storage: ObjectStorage) {
    this.#db = db
    this.#storage = storage
  }

  /** One roll of a partition. Every third offset is no valid record, so that files do not have all of their range. */
  async roll(day: UtcDay, partition: number, rows: number): Promise<void> {
    const name = { topic: TOPIC, partition }
    let at = this.#next.get(partition)
    if (!at) {
      const { epoch, nextOffset } = await takeArchive(this.#db, name, 'test', 0)
      at = { epoch, offset: nextOffset }
    }
    const range = {
      ...({ dataset: 'clicks', partition, epoch: at.epoch } as const),
      ...{ fromOffset: at.offset, toOffset: at.offset + rows * 3 },
    }
    const scratch = this.#storage.scratchFile(`clicks_${day}_${archiveFileStem(range)}.parquet`)
    const fromMs = startOfDayMs(day)
    await this.#write(scratch, partition, range.fromOffset, rows, fromMs)
    const path = archiveKey({ ...range, day })
    const { bytes } = await this.#storage.put(scratch, path)
    const [firstOffset, lastOffset] = [range.fromOffset, range.fromOffset + (rows - 1) * 3]
    const eventHighMs = fromMs + lastOffset
    await commitArchive(this.#db, {
      ...{ ...name, dataset: 'clicks', epoch: at.epoch, expectedOffset: at.offset, nextOffset: range.toOffset },
      ...{ eventHighMs, lastAppendMs: eventHighMs, ticks: [], archived: rows, invalid: rows * 2 },
      files: [{ path, firstDay: day, lastDay: day, firstOffset, lastOffset, rows, bytes, eventHighMs }],
      days: [{ day, rows }],
      slots: [{ startMs: fromMs, rows }],
    })
    this.#next.set(partition, { epoch: at.epoch, offset: range.toOffset })
  }

  async #write(path: string, partition: number, from: number, rows: number, fromMs: number): Promise<void> {
    await withScratchDuckDb(SETTINGS, async (duckDb) => {
      await duckDb.run(`CREATE TABLE made (${columnsOf('clicks')})`)
      await duckDb.run(
        `INSERT INTO made BY NAME
         SELECT ${partition} AS kafka_partition, ${from} + i * 3 AS kafka_offset, ${fromMs} + ${from} + i AS append_ms,
                'e' || (${from} + i * 3) AS event_id, ${fromMs} + ${from} + i * 3 AS event_ms, ${fromMs} + i AS ingest_ms,
                'session ''' || i % 7 || '''' AS session_id, CASE WHEN i % 2 = 0 THEN 'ü' || i END AS user_id, 'page_view' AS event_type
           FROM range(${rows}) AS made_up (i)`,
      )
      await duckDb.run(`COPY made TO ${sqlText(path)} (FORMAT parquet, COMPRESSION zstd)`)
    })
  }

  /** Every row of files, with all its columns, in the order of partition and offset. */
  async rowsOf(paths: readonly string[]): Promise<string[]> {
    if (paths.length === 0) return []
    const rows = await withScratchDuckDb(SETTINGS, (duckDb) =>
      this.#storage.withFiles(paths, (pathOf) =>
        duckDb.rows<{ row: string }>(
          `SELECT to_json(t)::VARCHAR AS row FROM ${archivedTable(paths.map(pathOf))} t ORDER BY t.kafka_partition, t.kafka_offset`,
        ),
      ),
    )
    return rows.map(({ row }) => row)
  }
}
