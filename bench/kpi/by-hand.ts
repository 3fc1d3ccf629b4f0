/*
 * The ruler: the queries of the figures, typed into a DuckDB of one's own, with nothing around them. A process of its own:
 * it is given the question as JSON on standard input.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { DayQuestion } from '../../activities/kpi/kpi-engine.js'
import { packageRoot } from '../../platform/package-root.js'

const question = JSON.parse(readFileSync(0, 'utf8')) as DayQuestion
const [memoryLimit = '', threads = ''] = process.argv.slice(2)
const connection = await (
  await DuckDBInstance.create(':memory:', { memory_limit: memoryLimit, threads, preserve_insertion_order: 'false' })
).connect()
const quoted = (texts: readonly string[]): string => texts.map((text) => `'${text}'`).join(',')
const query = (name: string): string =>
  readFileSync(join(packageRoot, 'activities/kpi/sql', `${name}.sql`), 'utf8')
    .replaceAll(':from_ms', String(question.fromMs))
    .replaceAll(':to_ms', String(question.toMs))
    .replaceAll(':max_sum', String(Number.MAX_SAFE_INTEGER))
await connection.run(`CREATE VIEW archived_click AS FROM read_parquet([${quoted(question.clickFiles)}])`)
await connection.run(`CREATE VIEW archived_purchase AS FROM read_parquet([${quoted(question.purchaseFiles)}])`)
await connection.run(
  `CREATE TABLE flagged_session AS SELECT unnest([${quoted(question.flaggedSessions)}]::VARCHAR[]) AS session_id`,
)
for (const name of ['click', 'purchase']) await connection.run(`CREATE TABLE day_${name} AS ${query(name)}`)
for (const name of ['click', 'purchase']) await connection.run(`CREATE VIEW ${name} AS SELECT * FROM day_${name}`)
for (const name of ['metrics', 'revenue', 'popular-items', 'funnel']) await connection.runAndReadAll(query(name))
