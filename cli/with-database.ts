import { freshLogOfTopic } from '../domain/fresh-log.js'
import { openPool, type Database } from '../db/pool.js'
import { poolSettings } from '../db/pool-settings.js'
import { loadConfig } from '../platform/config.js'
import type { Terminal } from './terminal.js'

/**
 * Runs a command's work with one connection to the database that is always closed.
 * @param topic that of a fresh log: what the work reads of checkpoints and anomalies is of that log
 * @throws ConfigError; GRD_STORE_*
 */
export async function withDatabase<T>(
  terminal: Pick<Terminal, 'env' | 'log'>,
  work: (db: Database) => Promise<T>,
  topic = '',
): Promise<T> {
  const config = loadConfig(
    ['DATABASE_URL', 'PG_CONNECT_TIMEOUT_MS', 'PG_STATEMENT_TIMEOUT_MS', 'PG_LOCK_TIMEOUT_MS'],
    terminal.env,
  )
  const schema = freshLogOfTopic(topic)?.schema
  const settings = poolSettings({ ...config, PG_POOL_MAX: 1 }, 'guardian-cli')
  const pool = await openPool({ ...settings, ...(schema !== undefined && { schema }) }, terminal.log)
  try {
    return await work(pool.value)
  } finally {
    await pool.stop()
  }
}
