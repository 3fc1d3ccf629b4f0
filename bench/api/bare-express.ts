/*
 * The ruler of the API bench: Express and node-postgres with nothing else, running the SQL of our read models as it is. No
 * keys, no checks, no headers, no tags. `DATABASE_URL`, `PORT` and `PG_POOL_MAX` say where and how.
 */
import { drizzle } from 'drizzle-orm/pg-proxy'
import express from 'express'
import pg from 'pg'
import type { Queryable } from '../../db/pool.js'
import { listAnomalies } from '../../db/read-models/anomalies.js'
import { listDailyMetrics } from '../../db/read-models/daily-figures.js'

interface Statement {
  readonly text: string
  readonly values: unknown[]
}

/** The statement that a read model makes, without a database. */
async function statementOf(read: (db: Queryable) => Promise<unknown>): Promise<Statement> {
  const seen: Statement[] = []
  const note = (text: string, values: readonly unknown[] = []) => {
    seen.push({ text, values: [...values] })
    return Promise.resolve({ rows: [], rowCount: 0, command: 'SELECT' })
  }
  const orm = drizzle((text, params: unknown[]) => note(text, params))
  await read({ query: note, select: async (build) => build(orm) })
  const [statement] = seen
  if (statement === undefined || seen.length !== 1) throw new Error(`${seen.length} statements, not one`)
  return statement
}

const { DATABASE_URL, PORT, PG_POOL_MAX } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(PG_POOL_MAX) })
const app = express()
const routes = {
  '/anomalies': await statementOf((db) => listAnomalies(db, { limit: 5 })),
  '/metrics/summary': await statementOf((db) => listDailyMetrics(db, 'all', 7)),
}
for (const [path, statement] of Object.entries(routes))
  app.get(path, async (_request, response) => {
    const { rows } = await pool.query<object>(statement)
    response.json({ data: rows })
  })
app.listen(Number(PORT), '127.0.0.1')
