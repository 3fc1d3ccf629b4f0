import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KnownRecord } from '../../domain/kpi/quarantine.js'
import { sqlText, type DuckDb } from '../../platform/duckdb/duckdb.js'
import { withScratchDuckDb } from '../../platform/duckdb/scratch-duckdb.js'
import { inTurn } from '../../platform/in-turn.js'
import { packageRoot } from '../../platform/package-root.js'
import { archivedTable, fillFlaggedSessions } from '../archive-sql.js'
import { asEngineFailure } from './engine-failure.js'
import {
  ARCHIVED_COLUMNS,
  KNOWN_COLUMNS,
  knownRows,
  queryParameters,
  type DayAnswer,
  type DayQuestion,
  type KpiEngine,
} from './kpi-engine.js'

export interface DuckDbEngineSettings {
  readonly memoryLimitBytes: number
  readonly threads: number
}

/** Known records given to DuckDB with one statement. */
const RECORDS_PER_INSERT = 5_000

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

  compute(question: DayQuestion, signal?: AbortSignal): Promise<DayAnswer> {
    return this.#next(async () => {
      try {
        return await withScratchDuckDb({ ...this.#settings, signal }, (db) => ask(db, question))
      } catch (error) {
        throw asEngineFailure(error)
      }
    })
  }
}

async function ask(db: DuckDb, question: DayQuestion): Promise<DayAnswer> {
  await db.run('SET preserve_insertion_order = false')
  await db.run(archived('click', question.clickFiles))
  await db.run(archived('purchase', question.purchaseFiles))
  await fillFlaggedSessions(db, question.flaggedSessions)
  await fillKnownRecords(db, question.known)
  const [count] = await db.rows<{ rows: number }>(
    'SELECT (SELECT count(*) FROM archived_click) + (SELECT count(*) FROM archived_purchase) AS rows',
  )
  const query = async (name: string): Promise<string> =>
    Object.entries(queryParameters(question)).reduce(
      (sql, [parameter, value]) => sql.replaceAll(parameter, String(value)),
      await queryOf(name),
    )
  const rows = async (name: string) => db.rows<Record<string, unknown>>(await query(name))
  for (const kind of ['click', 'purchase']) await db.run(`CREATE TABLE day_${kind} AS ${await query(kind)}`)
  await db.run(`CREATE TABLE unfit AS ${await query('unfit')}`)
  const leftOut = (await rows('left-out')).map(({ kind }) => kind)
  for (const kind of ['click', 'purchase']) {
    // Of a usual day nothing is left out, and looking for it would take as long as the figures do.
    if (!leftOut.includes(kind)) await db.run(`ALTER TABLE day_${kind} RENAME TO ${kind}`)
    else await db.run(`CREATE TABLE ${kind} AS ${await query(`counted-${kind}`)}; DROP TABLE day_${kind}`)
  }
  return {
    readRows: count?.rows ?? 0,
    unfit: await rows('unfit-records'),
    unfitCounts: await rows('unfit-counts'),
    sums: await rows('counted-sums'),
    nulls: await db.rows(await query('nulls')),
    metrics: await rows('metrics'),
    revenue: await rows('revenue'),
    items: await rows('popular-items'),
    funnel: await rows('funnel'),
  }
}

async function fillKnownRecords(db: DuckDb, known: readonly KnownRecord[]): Promise<void> {
  await db.run(`CREATE TABLE known_record (${KNOWN_COLUMNS.map((column) => column.join(' ')).join(', ')})`)
  const rows = knownRows(known).map(
    (row) => `(${KNOWN_COLUMNS.map(([name]) => literal(row[name as keyof typeof row])).join(', ')})`,
  )
  for (let from = 0; from < rows.length; from += RECORDS_PER_INSERT)
    await db.run(`INSERT INTO known_record VALUES ${rows.slice(from, from + RECORDS_PER_INSERT).join(',')}`)
}

const literal = (value: string | number): string => (typeof value === 'number' ? String(value) : sqlText(value))

/** A day without files has empty tables, and so figures of zero. */
const archived = (what: 'click' | 'purchase', files: readonly string[]): string =>
  files.length === 0
    ? `CREATE TABLE archived_${what} (${ARCHIVED_COLUMNS[what].map((column) => column.join(' ')).join(', ')})`
    : `CREATE VIEW archived_${what} AS SELECT * FROM ${archivedTable(files)}`
