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
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_MAX_CACHED_WORKFLOWS',
  'ORCHESTRATOR_METRICS_PORT',
  'ANOMALY_DAYS_AHEAD',
  'ANOMALY_RETENTION_DAYS',
  'KAFKA_BROKERS',
  'KAFKA_REQUEST_TIMEOUT_MS',
  'ALLOWED_LATENESS_MS',
  'ARCHIVE_URL',
  'KPI_MEMORY_BYTES',
  'KPI_THREADS',
  'KPI_ARCHIVE_WAIT_MS',
] as const

/** What the orchestrator needs from the environment. @throws ConfigError */
export const orchestratorConfig = (env: Env) => loadConfig(VARIABLES, env)

export type OrchestratorConfig = ReturnType<typeof orchestratorConfig>
