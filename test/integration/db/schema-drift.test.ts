import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import { packageRoot } from '../../../platform/package-root.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

/** A column as both sides see it. */
interface Column {
  readonly table: string
  readonly column: string
  readonly type: string
  readonly isNullable: boolean
  readonly hasDefault: boolean
}

const COLUMNS = `
SELECT c.table_name AS "table", c.column_name AS "column", format_type(a.atttypid, a.atttypmod) AS type,
       c.is_nullable = 'YES' AS "isNullable", c.column_default IS NOT NULL AS "hasDefault"
  FROM information_schema.columns c
  JOIN pg_catalog.pg_class t ON t.relname = c.table_name AND t.relnamespace = 'public'::regnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attname = c.column_name
 WHERE c.table_schema = 'public' AND NOT t.relispartition
 ORDER BY 1, c.ordinal_position`

const KEYS = `
SELECT k.table_name AS "table", array_agg(k.column_name::text ORDER BY k.ordinal_position) AS columns
  FROM information_schema.table_constraints c
  JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
  JOIN pg_catalog.pg_class t ON t.relname = k.table_name AND t.relnamespace = 'public'::regnamespace
 WHERE c.table_schema = 'public' AND c.constraint_type = 'PRIMARY KEY' AND NOT t.relispartition
 GROUP BY k.table_name ORDER BY k.table_name`

async function definedTables(): Promise<PgTable[]> {
  const folder = join(packageRoot, 'dist', 'db', 'tables')
  const files = readdirSync(folder).filter((name) => name.endsWith('.js'))
  const modules = await Promise.all(files.map((name) => import(join(folder, name)) as Promise<object>))
  return modules.flatMap((module) => Object.values(module) as unknown[]).filter((value) => is(value, PgTable))
}

const byTable = (a: { table: string }, b: { table: string }) => (a.table < b.table ? -1 : a.table > b.table ? 1 : 0)

describe('the tables in code and in the database', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  before(async () => (database = await createMigratedDatabase('drift')))
  after(() => database.drop())

  it('have the same columns: names, order, types, nullability, defaults', async () => {
    const defined = (await definedTables()).flatMap((table) => {
      const { name, columns } = getTableConfig(table)
      return columns.map((column): Column => ({
        table: name,
        column: column.name,
        type: column.getSQLType(),
        isNullable: !column.notNull,
        hasDefault: column.hasDefault,
      }))
    })
    const { rows } = await database.db.query<Column>(COLUMNS)
    assert.ok(rows.length > 40)
    assert.deepEqual(defined.sort(byTable), rows.sort(byTable))
  })

  it('have the same primary keys', async () => {
    const defined = (await definedTables()).map((table) => {
      const { name, primaryKeys } = getTableConfig(table)
      return { table: name, columns: primaryKeys.flatMap(({ columns }) => columns.map((column) => column.name)) }
    })
    const { rows } = await database.db.query<{ table: string; columns: string[] }>(KEYS)
    assert.deepEqual(defined.sort(byTable), rows.sort(byTable))
  })
})
