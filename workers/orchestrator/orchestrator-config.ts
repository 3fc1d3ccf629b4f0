import { findSparkSubmit } from '../../activities/kpi/spark-engine.js'
import { REGISTRY_CONNECTION_VARIABLES } from '../../platform/avro/registry-connection.js'
import { ConfigError, loadConfig, type Config } from '../../platform/config.js'
import { KAFKA_CONNECTION_VARIABLES } from '../../platform/kafka/connection.js'
import { STORAGE_VARIABLES } from '../../platform/object-storage/open-storage.js'
import type { Env } from '../../platform/env.js'
import { TEMPORAL_CONNECTION_VARIABLES } from '../../platform/temporal-connection.js'

const VARIABLES = [
  'LOG_LEVEL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'SHUTDOWN_DEADLINE_MS',
  'BIND_HOST',
  'DATABASE_URL',
  'PG_POOL_MAX',
  'PG_CONNECT_TIMEOUT_MS',
  'PG_STATEMENT_TIMEOUT_MS',
  'PG_LOCK_TIMEOUT_MS',
  'PG_START_PATIENCE_MS',
  ...TEMPORAL_CONNECTION_VARIABLES,
  'TEMPORAL_MAX_CACHED_WORKFLOWS',
  'ORCHESTRATOR_METRICS_PORT',
  'ANOMALY_DAYS_AHEAD',
  'ANOMALY_RETENTION_DAYS',
  'ANOMALY_SETTLED_DAYS',
  'PARTITION_LOCK_TIMEOUT_MS',
  ...KAFKA_CONNECTION_VARIABLES,
  'KAFKA_REQUEST_TIMEOUT_MS',
  'ALLOWED_LATENESS_MS',
  ...STORAGE_VARIABLES,
  'KPI_TIME_ZONE',
  'KPI_QUARANTINE_MAX_RECORDS',
  'KPI_MEMORY_BYTES',
  'KPI_THREADS',
  'KPI_ENGINE',
  'KPI_SPARK_TIMEOUT_MS',
  'KPI_SPARK_SHUFFLE_PARTITIONS',
  'SPARK_MASTER',
  'SPARK_HOME',
  'HADOOP_CONF_DIR',
  'JAVA_HOME',
  'PATH',
  'KPI_ARCHIVE_WAIT_MS',
  'BACK_TEST_MAX_WINDOWS',
  'COMPACTION_FILE_BYTES',
  'COMPACTION_FILES_PER_MERGE',
  'COMPACTION_DAYS_PER_RUN',
  'COMPACTION_GRACE_MS',
  'COMPACTION_MEMORY_BYTES',
  'FETCH_MAX_UNPACKED_BYTES',
  ...REGISTRY_CONNECTION_VARIABLES,
  'MAX_RECORD_BYTES',
  'MAX_FUTURE_SKEW_MS',
  'SUPERVISOR_STATE_FILE',
  'SLACK_WEBHOOK_URL',
  'ALERT_ALLOWED_HOSTS',
  'SMTP_URL',
  'SMTP_STARTTLS',
  'SMTP_TLS_CA',
  'ALERT_EMAIL_FROM',
  'ALERT_EMAIL_TO',
  'ALERT_BASE_URL',
  'ALERT_WINDOW_MS',
  'ALERT_RECOVER_AFTER_MS',
  'ALERT_HISTORY_DAYS',
  'ALERT_SEND_TIMEOUT_MS',
  'BREAKER_FAILURES',
  'BREAKER_PAUSE_MS',
  'BREAKER_SUCCESSES',
  'TEMPORAL_UI_URL',
  'ALERT_LAG_WARNING_SECONDS',
  'ALERT_LAG_CRITICAL_SECONDS',
  'ALERT_ARCHIVE_LAG_WARNING_SECONDS',
  'ALERT_ARCHIVE_LAG_CRITICAL_SECONDS',
  'ALERT_BURST_WARNING',
  'ALERT_BURST_CRITICAL',
  'DLQ_ALERT_WARNING',
  'DLQ_ALERT_CRITICAL',
  'DLQ_ALERT_MAX_RECORDS',
] as const

/** What the orchestrator needs from the environment. @throws ConfigError, also when there is no Spark to compute with */
export const orchestratorConfig = (env: Env) => {
  const config = loadConfig(VARIABLES, env)
  const faults = sparkFaults(config)
  if (faults.length > 0) throw new ConfigError(faults)
  return config
}

const sparkFaults = (config: Config<'KPI_ENGINE' | 'SPARK_HOME' | 'PATH'>): string[] =>
  config.KPI_ENGINE === 'spark' && findSparkSubmit(config) === undefined
    ? [
        'KPI_ENGINE: spark, and SPARK_HOME/bin and the PATH have no spark-submit; install Spark 4, or `pip install pyspark`',
      ]
    : []

export type OrchestratorConfig = ReturnType<typeof orchestratorConfig>
