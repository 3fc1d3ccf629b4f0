import { loadConfig } from '../../platform/config.js'
import type { Env } from '../../platform/env.js'

const VARIABLES = [
  'LOG_LEVEL',
  'SHUTDOWN_DEADLINE_MS',
  'BIND_HOST',
  'DATABASE_URL',
  'PG_POOL_MAX',
  'PG_CONNECT_TIMEOUT_MS',
  'PG_STATEMENT_TIMEOUT_MS',
  'PG_LOCK_TIMEOUT_MS',
  'KAFKA_BROKERS',
  'KAFKA_SESSION_TIMEOUT_MS',
  'KAFKA_REQUEST_TIMEOUT_MS',
  'SCHEMA_REGISTRY_URL',
  'SCHEMA_REGISTRY_TIMEOUT_MS',
  'MAX_FUTURE_SKEW_MS',
  'MAX_RECORD_BYTES',
  'FETCH_MAX_BYTES',
  'FETCH_MAX_BYTES_PER_PARTITION',
  'FETCH_MAX_UNPACKED_BYTES',
  'FETCH_MAX_BATCH_RECORDS',
  'FETCH_MAX_WAIT_MS',
  'ARCHIVE_URL',
  'ARCHIVER_GROUP_ID',
  'ARCHIVER_METRICS_PORT',
  'ARCHIVE_ROLL_INTERVAL_MS',
  'ARCHIVE_ROLL_RECORDS',
  'ARCHIVE_ROLL_BYTES',
  'ARCHIVE_BUFFER_BYTES',
  'ARCHIVE_MEMORY_BYTES',
] as const

/** What an archiver needs from the environment. @throws ConfigError */
export const archiverConfig = (env: Env) => loadConfig(VARIABLES, env)

export type ArchiverConfig = ReturnType<typeof archiverConfig>
