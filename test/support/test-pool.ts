import { pino } from 'pino'
import { openPool, type Database, type PoolSettings } from '../../db/pool.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'
import { createMigratedCopy } from './migrated-copy.js'
import { createTestDatabase, type TestDatabase } from './stack.js'

/** A pool with short waits, whose log lines go nowhere unless a log is given. */
export const openTestPool = (
  url: string,
  settings: Partial<PoolSettings> = {},
  log: Logger = pino({ level: 'silent' }),
): Promise<Part<Database>> =>
  openPool(
    {
      url,
      max: 4,
      connectTimeoutMs: 2_000,
      statementTimeoutMs: 5_000,
      lockTimeoutMs: 500,
      applicationName: 'guardian-test',
      ...settings,
    },
    log,
  )

export interface MigratedDatabase {
  readonly url: string
  readonly db: Database
  /** Closes the pool and removes the database. */
  readonly drop: () => Promise<void>
}

/** A database of one's own with the schema of this code, and a pool on it. */
export async function createMigratedDatabase(suite: string): Promise<MigratedDatabase> {
  const database: TestDatabase = await createTestDatabase(suite, createMigratedCopy)
  const { value: db, stop } = await openTestPool(database.url)
  const drop = async () => {
    await stop()
    await database.drop()
  }
  return { url: database.url, db, drop }
}
