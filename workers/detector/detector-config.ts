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
  'DETECTOR_GROUP_ID',
  'DETECTOR_METRICS_PORT',
  'ALLOWED_LATENESS_MS',
  'MAX_FUTURE_SKEW_MS',
  'MAX_RECORD_BYTES',
  'CHECKPOINT_INTERVAL_MS',
  'OPEN_ROW_REWRITE_MS',
  'RULES_REFRESH_MS',
  'MAX_PENDING_ROWS',
  'MAX_ROWS_PER_WRITE',
  'MAX_QUEUED_SIDE_RECORDS',
  'MAX_QUEUED_ANOMALY_CHANGES',
  'MAX_UNCOMMITTED_RECORDS',
  'FETCH_MAX_BYTES',
  'FETCH_MAX_BYTES_PER_PARTITION',
  'FETCH_MAX_UNPACKED_BYTES',
  'FETCH_MAX_BATCH_RECORDS',
  'FETCH_MAX_WAIT_MS',
] as const

/** What a detector needs from the environment. @throws ConfigError */
export const detectorConfig = (env: Env) => loadConfig(VARIABLES, env)

export type DetectorConfig = ReturnType<typeof detectorConfig>
