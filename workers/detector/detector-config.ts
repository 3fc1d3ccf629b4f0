import { loadConfig } from '../../platform/config.js'
import type { Env } from '../../platform/env.js'
import { LOG_READER_VARIABLES } from '../log-reader-variables.js'

const VARIABLES = [
  ...LOG_READER_VARIABLES,
  'PG_START_PATIENCE_MS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'DETECTOR_GROUP_ID',
  'DETECTOR_METRICS_PORT',
  'FRESH_LOG',
  'ALLOWED_LATENESS_MS',
  'CHECKPOINT_INTERVAL_MS',
  'OPEN_ROW_REWRITE_MS',
  'RULES_REFRESH_MS',
  'MAX_PENDING_ROWS',
  'MAX_ROWS_PER_WRITE',
  'MAX_QUEUED_SIDE_RECORDS',
  'MAX_QUEUED_ANOMALY_CHANGES',
  'MAX_UNCOMMITTED_RECORDS',
  'MAX_PARTITION_STATE_BYTES',
  'PROGRESS_TIMEOUT_MS',
  'IDLE_TICK_INTERVAL_MS',
  'MAX_MINUTES_PER_CHECKPOINT',
  'MINUTE_RETENTION_HOURS',
] as const

/** What a detector needs from the environment. @throws ConfigError */
export const detectorConfig = (env: Env) => loadConfig(VARIABLES, env)

export type DetectorConfig = ReturnType<typeof detectorConfig>
