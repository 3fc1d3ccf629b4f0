import { ConfigError, loadConfig } from '../platform/config.js'
import type { Env } from '../platform/env.js'
import { KAFKA_CONNECTION_VARIABLES } from '../platform/kafka/connection.js'
import { REGISTRY_CONNECTION_VARIABLES } from '../platform/avro/registry-connection.js'
import { TEMPORAL_CONNECTION_VARIABLES } from '../platform/temporal-connection.js'

const VARIABLES = [
  'LOG_LEVEL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'SHUTDOWN_DEADLINE_MS',
  'BIND_HOST',
  'PORT',
  'API_METRICS_PORT',
  'ALERT_SILENCE_MAX_HOURS',
  'ALLOWLIST_MAX_DAYS',
  'ALLOWLIST_MAX_ENTRIES',
  'API_LOG_RECORDS_MAX',
  'API_LOG_READ_TIMEOUT_MS',
  'FETCH_MAX_UNPACKED_BYTES',
  'API_STREAM_CLIENTS',
  'API_STREAM_HEARTBEAT_MS',
  'API_STREAM_BUFFER_BYTES',
  'API_STREAM_REVIEW_POLL_MS',
  'API_STREAM_KEPT',
  'API_STREAM_MISSED_MAX',
  'KPI_ARCHIVE_WAIT_MS',
  'API_PAGE_LIMIT_MAX',
  'API_QUERY_TIMEOUT_MS',
  'API_REQUEST_TIMEOUT_MS',
  'API_BODY_LIMIT_BYTES',
  'API_MAX_CONNECTIONS',
  'GUARDIAN_ADMIN_KEY',
  'API_AUDIT_EXPORT_MAX',
  'API_AUDIT_EXPORT_STALL_MS',
  'API_USERS_MAX',
  'API_KEY_KEPT_MS',
  'API_KEYS_KEPT_MAX',
  'API_KEY_REQUESTS_PER_MINUTE',
  'API_REFUSALS_PER_MINUTE',
  'API_SESSION_SECONDS',
  'API_DENIALS_QUEUE_MAX',
  'SLO_TARGET_MS',
  'SLO_PERCENT',
  'API_MAX_AT_WORK',
  'API_MAX_WAITING',
  'API_MAX_WAIT_MS',
  'API_REPORTS_AT_WORK',
  'API_COLLECTOR_AT_WORK',
  'API_COLLECTOR_BATCH_MAX',
  'API_COLLECTOR_EVENTS_IN_FLIGHT',
  'API_COLLECTOR_DEADLINE_MS',
  'API_COLLECTOR_ORIGINS',
  'API_COLLECTOR_NOTES_CLIENT',
  'MAX_FUTURE_SKEW_MS',
  'ALLOWED_LATENESS_MS',
  'MAX_RECORD_BYTES',
  'API_RETRY_PERCENT',
  'API_RETRY_BURST',
  'BREAKER_FAILURES',
  'BREAKER_PAUSE_MS',
  'BREAKER_SUCCESSES',
  'API_TRUSTED_PROXIES',
  'BACK_TEST_MAX_DAYS',
  'BACK_TESTS_OPEN_MAX',
  'BACK_TESTS_KEPT',
  'API_LAST_GOOD_BYTES',
  'API_LAST_GOOD_SECONDS',
  'API_TAG_KEPT_MS',
  'API_TAGS_KEPT_MAX',
  'API_COMPLETENESS_MINUTES',
  'API_IDEMPOTENCY_IN_FLIGHT_SECONDS',
  'API_IDEMPOTENCY_KEPT_SECONDS',
  'DATABASE_URL',
  'PG_POOL_MAX',
  'PG_CONNECT_TIMEOUT_MS',
  'PG_LOCK_TIMEOUT_MS',
  ...KAFKA_CONNECTION_VARIABLES,
  'KAFKA_REQUEST_TIMEOUT_MS',
  ...REGISTRY_CONNECTION_VARIABLES,
  ...TEMPORAL_CONNECTION_VARIABLES,
] as const

/** How long a request waits for something else: each of them ends before the request does. */
const WAITS = ['API_QUERY_TIMEOUT_MS', 'API_LOG_READ_TIMEOUT_MS', 'API_COLLECTOR_DEADLINE_MS'] as const

/** What the API needs from the environment. @throws ConfigError also for values that do not fit each other */
export function apiConfig(env: Env) {
  const config = loadConfig(VARIABLES, env)
  const faults = WAITS.filter((name) => config[name] >= config.API_REQUEST_TIMEOUT_MS).map(
    (name) => `${name}: not below API_REQUEST_TIMEOUT_MS`,
  )
  if (config.API_REQUEST_TIMEOUT_MS >= config.API_IDEMPOTENCY_IN_FLIGHT_SECONDS * 1_000)
    faults.push('API_REQUEST_TIMEOUT_MS: not below API_IDEMPOTENCY_IN_FLIGHT_SECONDS')
  if (config.API_REPORTS_AT_WORK >= config.PG_POOL_MAX)
    faults.push('API_REPORTS_AT_WORK: not below PG_POOL_MAX, so that reports leave a connection to others')
  if (faults.length > 0) throw new ConfigError(faults)
  // Other processes may wait for longer, who have no caller.
  const within = (waitMs: number) => Math.min(waitMs, config.API_REQUEST_TIMEOUT_MS - 1)
  return {
    ...config,
    PG_CONNECT_TIMEOUT_MS: within(config.PG_CONNECT_TIMEOUT_MS),
    SCHEMA_REGISTRY_TIMEOUT_MS: within(config.SCHEMA_REGISTRY_TIMEOUT_MS),
  }
}

export type ApiConfig = ReturnType<typeof apiConfig>
