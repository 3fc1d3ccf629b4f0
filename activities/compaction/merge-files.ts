import { GuardianError } from '../../domain/errors.js'
import { sqlText, type DuckDb } from '../../platform/duckdb/duckdb.js'
import { withScratchDuckDb } from '../../platform/duckdb/scratch-duckdb.js'
import { archivedTable } from '../archive-sql.js'

export interface MergerSettings {
  /** Beyond it, it spills to a temporary folder. */
  readonly memoryLimitBytes: number
  /** Interrupts the merge. */
  readonly signal?: AbortSignal
}

/** What is known of rows without looking at each again. */
export interface MergedRows {
  readonly rows: number
  readonly firstOffset: number
  readonly lastOffset: number
}

interface RowsFound extends MergedRows {
  /** Of all columns of all rows; the order does not matter. */
  readonly digest: string
}

/** Whoever reads a part of a file reads whole row groups: a back-test asks for some 20,000 offsets at a time. */
const ROWS_PER_GROUP = 32_768

/**
 * Writes the rows of Parquet files, as they are and in the order of the files, into one file, and reads it again: every
 * row has to be there with all its columns, and the offsets have to ascend.
 * @param files of one partition, each behind the one before in the log
 * @param target a path that nobody else writes at
 * @throws GRD_QUALITY_GATE when the file is not what its parts are
 */
export async function mergeFiles(
  files: readonly string[],
  target: string,
  settings: MergerSettings,
): Promise<MergedRows> {
  // With one thread, rows are written in the order in which they are read, a row group at a time.
  return withScratchDuckDb({ ...settings, threads: 1 }, async (db) => {
    const options = `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROWS_PER_GROUP}`
    await db.run(`COPY (SELECT * FROM ${archivedTable(files, 'of-all')}) TO ${sqlText(target)} (${options})`)
    return compared(db, files, target)
  })
}

async function compared(db: DuckDb, files: readonly string[], target: string): Promise<MergedRows> {
  const [parts, merged] = [await rowsOf(db, files), await rowsOf(db, [target])]
  const [order] = await db.rows<{ wrong: number }>(
    `SELECT count(*) FILTER (kafka_offset <= before) AS wrong
       FROM (SELECT kafka_offset, lag(kafka_offset) OVER (ORDER BY file_row_number) AS before
               FROM read_parquet(${sqlText(target)}, hive_partitioning = false, file_row_number = true))`,
  )
  const { rows, firstOffset, lastOffset, digest } = merged
  if (rows !== parts.rows || digest !== parts.digest || order?.wrong !== 0)
    throw new GuardianError(
      'GRD_QUALITY_GATE',
      `${files.length} files with ${parts.rows} rows were merged into ${rows} rows, ${order?.wrong ?? 0} of them out of order`,
    )
  return { rows, firstOffset, lastOffset }
}

async function rowsOf(db: DuckDb, files: readonly string[]): Promise<RowsFound> {
  const [found] = await db.rows<RowsFound>(
    `SELECT count(*) AS rows, min(kafka_offset) AS "firstOffset", max(kafka_offset) AS "lastOffset",
            coalesce(sum(hash(t)::HUGEINT), 0)::VARCHAR AS digest
       FROM ${archivedTable(files, 'of-all')} t`,
  )
  if (!found) throw new Error('an aggregate without GROUP BY has one row')
  return found
}
