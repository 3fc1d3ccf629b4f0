import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DrizzleQueryError } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { GuardianError } from '../domain/errors.js'
import { messageOf } from '../platform/message-of.js'
import { packageRoot } from '../platform/package-root.js'
import { connectionOf } from './connection.js'
import type { Queryable } from './pool.js'
import { grantToProcesses } from './process-roles.js'
import { asStoreError, sqlStateOf } from './store-error.js'

export const migrationsFolder = join(packageRoot, 'db', 'migrations')

export interface MigrateSettings {
  readonly connectTimeoutMs: number
  /** How long to wait for another process that migrates, and for each lock that a migration needs. */
  readonly lockWaitMs: number
  /** Tests give another folder. Nothing is granted then: there need not be all tables. */
  readonly folder?: string
}

interface JournalEntry {
  readonly tag: string
  /** Orders the migrations; drizzle stores it as `created_at`. */
  readonly when: number
}

interface AppliedRow {
  readonly hash: string
  readonly created_at: string | number
}

/** One number for all processes that migrate one database. */
const MIGRATION_LOCK = 7_236_401

const APPLIED = 'SELECT m.hash, m.created_at FROM drizzle.__drizzle_migrations m ORDER BY m.created_at'

/**
 * Brings a database to the schema of this code: forward only, all pending migrations in one transaction; then the logins of
 * the processes, where there are any, to what they may do in it. Starts in parallel are safe, because an advisory lock lets
 * one go at a time.
 * @returns the names of the migrations applied now, in order; empty when there was nothing to do
 * @throws GRD_MIGRATION when the database is newer than the code, or a migration was edited after it was applied;
 *   GRD_STORE_* when PostgreSQL cannot be reached, or another process still migrates after `lockWaitMs`
 */
export async function migrate(databaseUrl: string, settings: MigrateSettings): Promise<string[]> {
  const folder = settings.folder ?? migrationsFolder
  const client = new pg.Client({
    ...connectionOf(databaseUrl),
    application_name: 'guardian-migrate',
    connectionTimeoutMillis: settings.connectTimeoutMs,
    lock_timeout: settings.lockWaitMs,
    keepAlive: true,
  })
  let lost: Error | undefined
  client.on('error', (error) => (lost = error))
  try {
    await client.connect().catch((cause: unknown) => {
      throw asStoreError(cause, 'connect to PostgreSQL')
    })
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
    const journal = await readJournal(folder)
    const before = await applied((text) => client.query<AppliedRow>(text))
    await refuseForeign(folder, journal, before)
    await applyMigrations(drizzle(client), { migrationsFolder: folder })
    if (settings.folder === undefined) await grantToProcesses(client)
    return journal.filter(({ when }) => when > latest(before)).map(({ tag }) => tag)
  } catch (error) {
    throw migrationError(lost ?? error)
  } finally {
    // Ending the session gives the lock back, whatever happened.
    await client.end().catch((error: unknown) => (lost = error instanceof Error ? error : lost))
  }
}

/**
 * Whether the database has the schema that this code needs.
 * @throws GRD_MIGRATION saying which side is behind; GRD_STORE_* when PostgreSQL cannot be asked
 */
export async function assertMigrated(db: Queryable): Promise<void> {
  const journal = await readJournal(migrationsFolder)
  const needed = journal.at(-1)
  const has = latest(await applied((text) => db.query<AppliedRow>(text)))
  if (needed === undefined || has === needed.when) return
  if (has > needed.when) throw newerThanCode()
  throw new GuardianError('GRD_MIGRATION', `the database is not migrated to ${needed.tag}`)
}

const newerThanCode = () =>
  new GuardianError('GRD_MIGRATION', 'the database is newer than this code: start a newer release')

async function readJournal(folder: string): Promise<readonly JournalEntry[]> {
  const journal = JSON.parse(await readFile(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    entries: JournalEntry[]
  }
  return journal.entries
}

const latest = (rows: readonly AppliedRow[]): number => Number(rows.at(-1)?.created_at ?? 0)

async function applied(query: (text: string) => Promise<{ rows: AppliedRow[] }>): Promise<AppliedRow[]> {
  const { rows } = await query(`SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS "hash"`)
  const [exists] = rows as unknown as { hash: boolean }[]
  return exists?.hash === true ? (await query(APPLIED)).rows : []
}

async function refuseForeign(
  folder: string,
  journal: readonly JournalEntry[],
  rows: readonly AppliedRow[],
): Promise<void> {
  for (const row of rows) {
    const entry = journal.find(({ when }) => when === Number(row.created_at))
    if (entry === undefined) throw newerThanCode()
    const text = await readFile(join(folder, `${entry.tag}.sql`), 'utf8')
    if (createHash('sha256').update(text).digest('hex') !== row.hash)
      throw new GuardianError(
        'GRD_MIGRATION',
        `${entry.tag} was edited after this database applied it: add a new migration`,
      )
  }
}

/** A statement of a migration that fails is a fault of the migration; a lost connection or a lock is not. */
function migrationError(error: unknown): unknown {
  const cause = error instanceof DrizzleQueryError ? error.cause : error
  const store = asStoreError(cause, 'migrate')
  if (!(store instanceof GuardianError)) return new GuardianError('GRD_MIGRATION', 'migration failed', { cause: error })
  if (store.code !== 'GRD_STORE_REFUSED') return store
  const reason = messageOf(cause)
  return new GuardianError('GRD_MIGRATION', `migration failed (${sqlStateOf(cause) ?? 'no code'}): ${reason}`, {
    cause: error,
  })
}
