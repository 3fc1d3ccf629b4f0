import { sqlText, type DuckDb } from '../platform/duckdb/duckdb.js'

/** Sessions given to DuckDB with one statement. */
const SESSIONS_PER_INSERT = 5_000

/**
 * Files of the archive as a table of DuckDB's SQL.
 * @param paths that DuckDB can open, at least one
 * @param columns those of the first file; or of all files, which takes a look into each: files of two releases may differ
 * by a column that one of them does not have yet
 */
export const archivedTable = (paths: readonly string[], columns: 'of-first' | 'of-all' = 'of-first'): string =>
  `read_parquet([${paths.map(sqlText).join(',')}], hive_partitioning = false, union_by_name = ${columns === 'of-all'})`

/** Makes the table `flagged_session` of these sessions, in place of one that is there. */
export async function fillFlaggedSessions(db: DuckDb, sessions: readonly string[]): Promise<void> {
  await db.run('CREATE OR REPLACE TABLE flagged_session (session_id VARCHAR)')
  for (let from = 0; from < sessions.length; from += SESSIONS_PER_INSERT) {
    const some = sessions.slice(from, from + SESSIONS_PER_INSERT)
    await db.run(`INSERT INTO flagged_session VALUES ${some.map((id) => `(${sqlText(id)})`).join(',')}`)
  }
}
