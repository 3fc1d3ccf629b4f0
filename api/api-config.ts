import { loadConfig } from '../platform/config.js'
import type { Env } from '../platform/env.js'

const VARIABLES = [
  'LOG_LEVEL',
  'SHUTDOWN_DEADLINE_MS',
  'BIND_HOST',
  'PORT',
  'API_METRICS_PORT',
  'ALERT_SILENCE_MAX_HOURS',
  'API_PAGE_LIMIT_MAX',
  'API_QUERY_TIMEOUT_MS',
  'API_BODY_LIMIT_BYTES',
  'GUARDIAN_ADMIN_KEY',
  'API_KEY_KEPT_MS',
  'API_KEYS_KEPT_MAX',
  'API_KEY_REQUESTS_PER_MINUTE',
  'API_REFUSALS_PER_MINUTE',
  'API_SESSION_SECONDS',
  'API_DENIALS_QUEUE_MAX',
  'API_TRUSTED_PROXIES',
  'API_TAG_KEPT_MS',
  'API_TAGS_KEPT_MAX',
  'API_IDEMPOTENCY_KEPT_SECONDS',
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
