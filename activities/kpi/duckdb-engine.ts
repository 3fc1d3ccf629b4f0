import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDb } from '../../platform/duckdb/duckdb.js'
import { withScratchDuckDb } from '../../platform/duckdb/scratch-duckdb.js'
import { inTurn } from '../../platform/in-turn.js'
import { packageRoot } from '../../platform/package-root.js'
import { archivedTable, fillFlaggedSessions } from '../archive-sql.js'
import { ARCHIVED_COLUMNS, type DayAnswer, type DayQuestion, type KpiEngine } from './kpi-engine.js'

export interface DuckDbEngineSettings {
  readonly memoryLimitBytes: number
  readonly threads: number
}

/** The queries are read where they are kept: they are not compiled. */
const queryOf = (name: string): Promise<string> =>
  readFile(join(packageRoot, 'activities', 'kpi', 'sql', `${name}.sql`), 'utf8')

/** Computes in this process, one day at a time, within its memory; what does not fit spills to a temporary folder. */
export class DuckDbEngine implements KpiEngine {
  readonly #settings: DuckDbEngineSettings
  readonly #next = inTurn()

  constructor(settings: DuckDbEngineSettings) {
    this.#settings = settings
  }

  compute(question: DayQuestion): Promise<DayAnswer> {
    return this.#next(() => withScratchDuckDb(this.#settings, (db) => ask(db, question)))
  }
}

async function ask(db: DuckDb, question: DayQuestion): Promise<DayAnswer> {
  await db.run('SET preserve_insertion_order = false')
  await db.run(archived('click', question.clickFiles))
  await db.run(archived('purchase', question.purchaseFiles))
  await fillFlaggedSessions(db, question.flaggedSessions)
  const [count] = await db.rows<{ rows: number }>(
    'SELECT (SELECT count(*) FROM archived_click) + (SELECT count(*) FROM archived_purchase) AS rows',
  )
  for (const table of ['click', 'purchase']) {
    const sql = (await queryOf(table))
      .replaceAll(':from_ms', String(question.fromMs))
      .replaceAll(':to_ms', String(question.toMs))
    await db.run(`CREATE TABLE ${table} AS ${sql}`)
  }
  return {
    readRows: count?.rows ?? 0,
    nulls: await db.rows(await queryOf('nulls')),
    metrics: await db.rows(await queryOf('metrics')),
    revenue: await db.rows(await queryOf('revenue')),
    items: await db.rows(await queryOf('popular-items')),
    funnel: await db.rows(await queryOf('funnel')),
  }
}

/** A day without files has empty tables, and so figures of zero. */
const archived = (what: 'click' | 'purchase', files: readonly string[]): string =>
  files.length === 0
    ? `CREATE TABLE archived_${what} (${ARCHIVED_COLUMNS[what].map((column) => column.join(' ')).join(', ')})`
    : `CREATE VIEW archived_${what} AS SELECT * FROM ${archivedTable(files)}`
