import { Client } from '@temporalio/client'
import { awaitStore } from '../../db/await-store.js'
import { assertMigrated } from '../../db/migrate.js'
import { openPool, type Database } from '../../db/pool.js'
import { poolSettings } from '../../db/pool-settings.js'
import { detachDay, dropDetachedDay, listDayTables, readDayArchival } from '../../db/stores/day-tables.js'
import { ensureDayPartition, listDayPartitions } from '../../db/stores/partitions.js'
import type { PartitionDeps } from '../../activities/partitions/partition-activities.js'
import type { RunDeps } from '../../activities/runs/run-activities.js'
import { WATCHED_SOURCES } from '../../domain/alerting/observation.js'
import { recordRunEnd, recordRunStart } from '../../db/stores/pipeline-runs.js'
import { dailyStartHour, parseTimeZone } from '../../domain/shop-day.js'
import type { Logger } from '../../platform/logger.js'
import { createRegistry, serveMetrics } from '../../platform/metrics.js'
import { openStorage } from '../../platform/object-storage/open-storage.js'
import { runProcess, type ProcessContext } from '../../platform/run-process.js'
import { storageBacklogs } from '../metric-series.js'
import { backTestDeps } from './back-test-parts.js'
import { compactionDeps } from './compaction-parts.js'
import { openTracing } from '../../platform/tracing.js'
import { temporalConnection } from '../../platform/temporal-connection.js'
import { kpiDeps } from './kpi-parts.js'
import { openAlerts } from './alert-parts.js'
import { orchestratorConfig, type OrchestratorConfig } from './orchestrator-config.js'
import { startQueueWorkers } from './queue-workers.js'
import { openReplay } from './replay-parts.js'
import { ensureSearchAttributes } from './search-attributes.js'
import { declaredSchedules, ensureSchedules, KPI_MINUTE, type SchedulePolicy } from './schedules.js'
import { connectTemporal } from './temporal-connection.js'
import { installRuntime, MergedRegistry } from './temporal-runtime.js'
import { assertWorkflowBundle } from './workflow-bundle.js'

/** A server that starts beside us is there within seconds; after a minute something else is wrong. */
const TEMPORAL_ATTEMPTS = 30
const TEMPORAL_PAUSE_MS = 2_000

async function start(config: OrchestratorConfig, log: Logger, { life, onFatal }: ProcessContext): Promise<void> {
  await assertWorkflowBundle()
  const sdkMetrics = await installRuntime(log)
  const registry = new MergedRegistry(createRegistry('orchestrator'), sdkMetrics)
  const db = await life.use('PostgreSQL pool', () => openPool(poolSettings(config, 'guardian-orchestrator'), log))
  await awaitStore(() => assertMigrated(db), config.PG_START_PATIENCE_MS, log)
  const namespace = config.TEMPORAL_NAMESPACE
  const connection = await life.use('Temporal', () =>
    connectTemporal({ ...temporalConnection(config), attempts: TEMPORAL_ATTEMPTS, pauseMs: TEMPORAL_PAUSE_MS }, log),
  )
  await ensureSearchAttributes(connection, namespace)
  const storage = await openStorage(config)
  storageBacklogs(registry.own, storage)
  const { schedule: schedules, workflow: workflows } = new Client({ connection, namespace })
  const declared = declaredSchedules(schedulePolicy(config))
  const alerts = await life.use('alert channels', () =>
    openAlerts(config, { db, registry: registry.own, schedules, workflows, declared }, log),
  )
  const replay = await life.use('dead letters', () => Promise.resolve(openReplay(config, db, log)))
  const tracing = await life.use('tracing', () =>
    openTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, 'guardian-orchestrator'),
  )
  const queues = await life.use('workers', () =>
    startQueueWorkers({
      ...storesOn(db, config),
      ...kpiDeps({ db, log, storage, config }),
      ...backTestDeps({ db, storage, config, registry: registry.own }),
      ...compactionDeps({ db, storage, config, registry: registry.own }),
      ...alerts,
      ...replay,
      connection,
      namespace,
      tracing,
      maxCachedWorkflows: config.TEMPORAL_MAX_CACHED_WORKFLOWS,
      shutdownGraceMs: Math.floor(config.SHUTDOWN_DEADLINE_MS / 2),
      onFatal,
    }),
  )
  await ensureSchedules(schedules, declared, log)
  const metrics = await life.use('metrics', () =>
    serveMetrics(registry, config.ORCHESTRATOR_METRICS_PORT, config.BIND_HOST),
  )
  log.info({ queues, metricsPort: metrics.port }, 'orchestrator_started')
}

const schedulePolicy = (config: OrchestratorConfig): SchedulePolicy => ({
  daysAhead: config.ANOMALY_DAYS_AHEAD,
  retentionDays: config.ANOMALY_RETENTION_DAYS,
  archiveWaitMs: config.KPI_ARCHIVE_WAIT_MS,
  timeZone: parseTimeZone(config.KPI_TIME_ZONE),
  kpiHour: dailyStartHour(parseTimeZone(config.KPI_TIME_ZONE), KPI_MINUTE, Date.now()),
  compaction: { maxDays: config.COMPACTION_DAYS_PER_RUN },
  deadLetters: {
    thresholds: { warning: config.DLQ_ALERT_WARNING, critical: config.DLQ_ALERT_CRITICAL },
    maxRecords: config.DLQ_ALERT_MAX_RECORDS,
  },
  watch: {
    sources: WATCHED_SOURCES,
    lag: { warningSeconds: config.ALERT_LAG_WARNING_SECONDS, criticalSeconds: config.ALERT_LAG_CRITICAL_SECONDS },
    archiveLag: {
      warningSeconds: config.ALERT_ARCHIVE_LAG_WARNING_SECONDS,
      criticalSeconds: config.ALERT_ARCHIVE_LAG_CRITICAL_SECONDS,
    },
    burst: { warning: config.ALERT_BURST_WARNING, critical: config.ALERT_BURST_CRITICAL },
  },
})

const storesOn = (db: Database, config: OrchestratorConfig): PartitionDeps & RunDeps => ({
  listDayPartitions: () => listDayPartitions(db),
  ensureDayPartition: (day) => ensureDayPartition(db, day),
  listDayTables: () => listDayTables(db),
  readDayArchival: (day) => readDayArchival(db, day),
  detachDay: (day) => detachDay(db, day, config.PARTITION_LOCK_TIMEOUT_MS),
  dropDetachedDay: (day, heldBy) => dropDetachedDay(db, day, config.PARTITION_LOCK_TIMEOUT_MS, heldBy),
  settledDays: config.ANOMALY_SETTLED_DAYS,
  now: () => Date.now(),
  recordRunStart: (run) => recordRunStart(db, run),
  recordRunEnd: (run) => recordRunEnd(db, run),
})

await runProcess('orchestrator', orchestratorConfig, start)
