import { freshLogNameOfSchema, type FreshLog } from '../../domain/fresh-log.js'
import { GuardianError } from '../../domain/errors.js'
import type { Connection, Database, Queryable } from '../pool.js'
import { loginOf, TABLE_GRANTS } from '../process-roles.js'
import { withTransaction } from '../with-transaction.js'

/**
 * The tables that a detector writes. Those of a fresh log have the same names in a schema of their own, so that a query of
 * anything else cannot count them; all other tables, such as the rules, are those of everybody.
 */
const TABLES = Object.entries(TABLE_GRANTS).flatMap(([table, { detector = '' }]) =>
  /[awd]/.test(detector) ? [table] : [],
)

/** Two commands that create a fresh log must not both find a place free. */
const CREATION_LOCK = 7_236_402

const SCHEMAS = `
SELECT n.nspname AS schema FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'fresh\\_%' ORDER BY 1 LIMIT 10000`

/** The names of the fresh logs that exist. @throws GRD_STORE_* */
export async function listFreshLogs(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ schema: string }>(SCHEMAS)
  return rows.flatMap(({ schema }) => freshLogNameOfSchema(schema) ?? [])
}

/** Whether a fresh log exists. @throws GRD_STORE_* */
export async function hasFreshLog(db: Queryable, { schema }: Pick<FreshLog, 'schema'>): Promise<boolean> {
  const { rows } = await db.query<{ exists: boolean }>(`SELECT to_regnamespace($1) IS NOT NULL AS "exists"`, [schema])
  return rows[0]?.exists === true
}

/**
 * Makes the tables of a fresh log, and lets the API read them where it has a login of its own. One that exists stays as it is.
 * @param max fresh logs that there may be
 * @returns whether it was made now
 * @throws GRD_BAD_INPUT when there are `max` already, or when the tables that exist are those of another release;
 *   GRD_STORE_REFUSED when the login may not create schemas; GRD_STORE_*
 */
export const createFreshLog = (db: Database, { schema, name }: FreshLog, max: number): Promise<boolean> =>
  withTransaction(db, async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [CREATION_LOCK])
    const names = await listFreshLogs(tx)
    if (names.includes(name)) {
      await assertSameColumns(tx, schema, name)
      await letApiRead(tx, schema)
      return false
    }
    if (names.length >= max)
      throw new GuardianError(
        'GRD_BAD_INPUT',
        `there are ${names.length} fresh logs already (FRESH_LOGS_MAX): guardian ingest --drop NAME removes one of ${names.join(', ')}`,
      )
    await tx.query(`CREATE SCHEMA ${schema}`)
    for (const table of TABLES) await tx.query(`CREATE TABLE ${schema}.${table} (LIKE ${table} INCLUDING ALL)`)
    // Its days are not tables of their own: none is ever detached.
    await tx.query(
      `CREATE FUNCTION ${schema}.ensure_anomaly_partition(day date) RETURNS boolean LANGUAGE sql AS 'SELECT false'`,
    )
    await letApiRead(tx, schema)
    return true
  })

async function letApiRead(tx: Queryable, schema: string): Promise<void> {
  const login = loginOf('api')
  const { rows } = await tx.query<{ exists: boolean }>(`SELECT to_regrole($1) IS NOT NULL AS "exists"`, [login])
  if (rows[0]?.exists !== true) return
  await tx.query(`GRANT USAGE ON SCHEMA ${schema} TO ${login}`)
  await tx.query(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${login}`)
}

const COLUMNS_DIFFER = `
WITH has AS (
  SELECT c.relnamespace = to_regnamespace($1) AS fresh, c.relname, a.attname, a.atttypid
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
   WHERE c.relnamespace IN (to_regnamespace($1), current_schema()::regnamespace) AND c.relname = ANY ($2)
     AND a.attnum > 0 AND NOT a.attisdropped
)
SELECT EXISTS (SELECT FROM has h GROUP BY h.relname, h.attname, h.atttypid HAVING count(*) <> 2) AS differ`

async function assertSameColumns(tx: Queryable, schema: string, name: string): Promise<void> {
  const { rows } = await tx.query<{ differ: boolean }>(COLUMNS_DIFFER, [schema, TABLES])
  if (rows[0]?.differ !== true) return
  throw new GuardianError(
    'GRD_BAD_INPUT',
    `the fresh log ${name} was made by another release: remove it with guardian ingest --drop ${name}, and read the file again`,
  )
}

/** Removes the rows, state and checkpoints of a fresh log. @returns whether there were any @throws GRD_STORE_* */
export async function dropFreshLog(db: Database, { schema }: FreshLog): Promise<boolean> {
  const existed = await hasFreshLog(db, { schema })
  await db.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  return existed
}

/** What became of the records of a fresh log, and where its detector is. */
export interface FreshLogState {
  readonly accepted: number
  readonly duplicate: number
  readonly late: number
  readonly dead: number
  /** By partition. */
  readonly nextOffsets: ReadonlyMap<number, number>
}

/** @param db whose schema is that of the log @throws GRD_STORE_* */
export async function readFreshLogState(db: Queryable, { topic }: Pick<FreshLog, 'topic'>): Promise<FreshLogState> {
  const { rows } = await db.query<Omit<FreshLogState, 'nextOffsets'> & { partition: number; nextOffset: number }>(
    `SELECT c.kafka_partition AS partition, c.next_offset AS "nextOffset", c.accepted, c.duplicate, c.late, c.dead
       FROM detector_checkpoints c WHERE c.topic = $1 LIMIT 20000`,
    [topic],
  )
  const sum = (field: 'accepted' | 'duplicate' | 'late' | 'dead') => rows.reduce((total, row) => total + row[field], 0)
  return {
    ...{ accepted: sum('accepted'), duplicate: sum('duplicate'), late: sum('late'), dead: sum('dead') },
    nextOffsets: new Map(rows.map(({ partition, nextOffset }) => [partition, nextOffset])),
  }
}

/** Anomalies by status, of the rules in force and of those in shadow. @param db whose schema is that of the log */
export async function countFreshAnomalies(db: Queryable): Promise<Record<string, number>> {
  const { rows } = await db.query<{ status: string; anomalies: number }>(
    `SELECT a.status, count(*) AS anomalies FROM anomaly_sessions a WHERE a.mode = 'active' GROUP BY a.status`,
  )
  return Object.fromEntries(rows.map(({ status, anomalies }) => [status, anomalies]))
}

/** Held by whoever fills or removes a fresh log. @returns false when somebody else has it */
export async function lockFreshLog(connection: Connection, { schema }: FreshLog): Promise<boolean> {
  const { rows } = await connection.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(${CREATION_LOCK}, hashtext($1)) AS locked`,
    [schema],
  )
  return rows[0]?.locked === true
}
