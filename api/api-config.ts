import { loadConfig } from '../platform/config.js'
import type { Env } from '../platform/env.js'

const VARIABLES = [
  'LOG_LEVEL',
  'SHUTDOWN_DEADLINE_MS',
  'BIND_HOST',
  'PORT',
  'API_METRICS_PORT',
  'API_PAGE_LIMIT_MAX',
  'API_QUERY_TIMEOUT_MS',
  'API_BODY_LIMIT_BYTES',
  'DATABASE_URL',
  'PG_POOL_MAX',
  'PG_CONNECT_TIMEOUT_MS',
  'PG_LOCK_TIMEOUT_MS',
  'KAFKA_BROKERS',
  'KAFKA_REQUEST_TIMEOUT_MS',
  'SCHEMA_REGISTRY_URL',
  'SCHEMA_REGISTRY_TIMEOUT_MS',
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
] as const

/** What the API needs from the environment. @throws ConfigError */
export const apiConfig = (env: Env) => loadConfig(VARIABLES, env)

export type ApiConfig = ReturnType<typeof apiConfig>
