import { REGISTRY_CONNECTION_VARIABLES } from '../platform/avro/registry-connection.js'
import { KAFKA_CONNECTION_VARIABLES } from '../platform/kafka/connection.js'

/** What every process needs from the environment that reads the log and keeps its offsets in PostgreSQL. */
export const LOG_READER_VARIABLES = [
  'LOG_LEVEL',
  'SHUTDOWN_DEADLINE_MS',
  'BIND_HOST',
  'DATABASE_URL',
  'PG_POOL_MAX',
  'PG_CONNECT_TIMEOUT_MS',
  'PG_STATEMENT_TIMEOUT_MS',
  'PG_LOCK_TIMEOUT_MS',
  ...KAFKA_CONNECTION_VARIABLES,
  'KAFKA_SESSION_TIMEOUT_MS',
  'KAFKA_REQUEST_TIMEOUT_MS',
  ...REGISTRY_CONNECTION_VARIABLES,
  'SCHEMA_RECHECK_MS',
  'SCHEMA_WAIT_MS',
  'MAX_FUTURE_SKEW_MS',
  'MAX_RECORD_BYTES',
  'FETCH_MAX_BYTES',
  'FETCH_MAX_BYTES_PER_PARTITION',
  'FETCH_MAX_UNPACKED_BYTES',
  'FETCH_MAX_BATCH_RECORDS',
  'FETCH_MAX_WAIT_MS',
] as const
