import type { Config } from '../platform/config.js'
import type { PoolSettings } from './pool.js'

type PoolConfig = Config<
  'DATABASE_URL' | 'PG_POOL_MAX' | 'PG_CONNECT_TIMEOUT_MS' | 'PG_STATEMENT_TIMEOUT_MS' | 'PG_LOCK_TIMEOUT_MS'
>

/** A pool as the configuration says. @param applicationName what `pg_stat_activity` shows */
export const poolSettings = (config: PoolConfig, applicationName: string): PoolSettings => ({
  url: config.DATABASE_URL,
  max: config.PG_POOL_MAX,
  connectTimeoutMs: config.PG_CONNECT_TIMEOUT_MS,
  statementTimeoutMs: config.PG_STATEMENT_TIMEOUT_MS,
  lockTimeoutMs: config.PG_LOCK_TIMEOUT_MS,
  applicationName,
})
