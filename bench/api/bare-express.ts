/*
 * The ruler of the API bench: Express and node-postgres with nothing else, running the SQL of our read models as it is. No
 * keys, no checks, no headers, no tags. `/prepared/…` has PostgreSQL plan the same text once, as our pool does. `DATABASE_URL`, `PORT` and `PG_POOL_MAX` say where and how.
 */
import express from 'express'
import pg from 'pg'
import type { Queryable } from '../../db/pool.js'
import { listAnomalies } from '../../db/read-models/anomalies.js'
import { listDailyMetrics } from '../../db/read-models/daily-figures.js'

interface Statement {
  readonly text: string
  readonly values: unknown[]
  readonly name: string | undefined
}

/** The statement that a read model makes, without a database. */
async function statementOf(read: (db: Queryable) => Promise<unknown>): Promise<Statement> {
  const seen: Statement[] = []
  await read({
    query: (text, values = [], { name } = {}) => {
      seen.push({ text, values: [...values], name })
      return Promise.resolve({ rows: [], rowCount: 0, command: 'SELECT' })
    },
    select: () => Promise.reject(new Error('a query of the builder')),
  })
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
const answer =
  (statement: pg.QueryConfig<unknown[]>): express.RequestHandler =>
  async (_request, response) => {
    const { rows } = await pool.query<object>(statement)
    response.json({ data: rows })
  }
for (const [path, { text, values, name }] of Object.entries(routes)) {
  app.get(path, answer({ text, values }))
  app.get(`/prepared${path}`, answer({ text, values, ...(name !== undefined && { name }) }))
}
app.listen(Number(PORT), '127.0.0.1')
