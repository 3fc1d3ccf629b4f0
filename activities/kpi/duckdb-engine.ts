import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDuckDb, sqlText, type DuckDb } from '../../platform/duckdb/duckdb.js'
import { packageRoot } from '../../platform/package-root.js'
import { ARCHIVED_COLUMNS, type DayAnswer, type DayQuestion, type KpiEngine } from './kpi-engine.js'

export interface DuckDbEngineSettings {
  readonly memoryLimitBytes: number
  readonly threads: number
}

/** The queries are read where they are kept: they are not compiled. */
const queryOf = (name: string): Promise<string> =>
  readFile(join(packageRoot, 'activities', 'kpi', 'sql', `${name}.sql`), 'utf8')

/** Sessions given to DuckDB with one statement. */
const SESSIONS_PER_INSERT = 5_000

/** Computes in this process, one day at a time, within its memory; what does not fit spills to a temporary folder. */
export class DuckDbEngine implements KpiEngine {
  readonly #settings: DuckDbEngineSettings
  #last: Promise<unknown> = Promise.resolve()

  constructor(settings: DuckDbEngineSettings) {
    this.#settings = settings
  }

  compute(question: DayQuestion): Promise<DayAnswer> {
    const answer = this.#last.then(() => this.#compute(question))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async #compute(question: DayQuestion): Promise<DayAnswer> {
    const spillFolder = await mkdtemp(join(tmpdir(), 'guardian-kpi-'))
    try {
      const { value: db, stop } = await openDuckDb({ ...this.#settings, spillFolder })
      try {
        return await ask(db, question)
      } finally {
        await stop()
      }
    } finally {
      await rm(spillFolder, { recursive: true, force: true })
    }
  }
}

async function ask(db: DuckDb, question: DayQuestion): Promise<DayAnswer> {
  await db.run('SET preserve_insertion_order = false')
  await db.run(archived('click', question.clickFiles))
  await db.run(archived('purchase', question.purchaseFiles))
  await db.run('CREATE TABLE flagged_session (session_id VARCHAR)')
  for (let from = 0; from < question.flaggedSessions.length; from += SESSIONS_PER_INSERT) {
    const some = question.flaggedSessions.slice(from, from + SESSIONS_PER_INSERT)
    await db.run(`INSERT INTO flagged_session VALUES ${some.map((id) => `(${sqlText(id)})`).join(',')}`)
  }
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
    : `CREATE VIEW archived_${what} AS SELECT * FROM read_parquet([${files.map(sqlText).join(',')}], hive_partitioning = false)`
