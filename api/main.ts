import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { guardDatabase } from '../db/guarded-database.js'
import { openPool, type Database, type Queryable } from '../db/pool.js'
import { poolSettings } from '../db/pool-settings.js'
import { readAllowlistState } from '../db/read-models/allowlist-state.js'
import { getAnomaly, listAnomalies } from '../db/read-models/anomalies.js'
import { readCompleteness } from '../db/read-models/completeness.js'
import { listDailyMetrics, listPipelineRuns, readFunnel, readPopularItems } from '../db/read-models/daily-figures.js'
import { readHeldCounts } from '../db/read-models/held-counts.js'
import { listAlerts, readAlert, readChannels } from '../db/read-models/alerts.js'
import { listDifferences, listReconciliations, readReconciliation } from '../db/read-models/reconciliations.js'
import { readStageTimes } from '../db/read-models/slo.js'
import { readStats } from '../db/read-models/stats.js'
import { retryReads } from '../db/retried-reads.js'
import { createSilence, endSilence, listSilences } from '../db/stores/alert-silences.js'
import { createKafka } from '../platform/kafka/client.js'
import { observeLimit } from '../platform/limits.js'
import { monotonicMs } from '../platform/clock.js'
import type { Logger } from '../platform/logger.js'
import { createRegistry, Gauge, serveMetrics, type Registry } from '../platform/metrics.js'
import { packageRoot } from '../platform/package-root.js'
import { readProcessStates } from '../platform/process-states.js'
import { RetryBudget } from '../platform/resilience/retry-budget.js'
import { runProcess, type ProcessContext } from '../platform/run-process.js'
import { openTracing, traceHeaders, type Tracing } from '../platform/tracing.js'
import { kafkaConnection } from '../platform/kafka/connection.js'
import { temporalConnection } from '../platform/temporal-connection.js'
import { createOperations } from '../schemas/rest/operations.js'
import { ENDING_SOON_MS, observeAllowlist } from './allowlist-metrics.js'
import { apiConfig, type ApiConfig } from './api-config.js'
import { createApi } from './api.js'
import type { EventSink } from './collector/event-sink.js'
import { createAdmit } from './middleware/admit.js'
import { createDependencyProbes } from './dependency-probes.js'
import { LastGoodAnswers } from './last-good-answers.js'
import { observeHeld } from './limit-metrics.js'
import { serveHttp } from './http-server.js'
import type { AnomalyStream } from './live/anomaly-stream.js'
import type { FigureReader } from './routes/figures.js'
import type { ReconciliationReader } from './routes/reconciliations.js'
import { RememberedTags } from './remembered-tags.js'
import {
  createBreakers,
  lagReader,
  laneSettings,
  probes,
  PROBE_DEADLINE_MS,
  type Breakers,
} from './wire-dependencies.js'
import { wireAccess } from './wire-access.js'
import { wireBackTests } from './wire-back-tests.js'
import { wireCollector } from './wire-collector.js'
import { wireIdempotency } from './wire-idempotency.js'
import { wireJobs } from './wire-jobs.js'
import { wireLog } from './wire-log.js'
import { wireReview } from './wire-review.js'
import { wireStream } from './wire-stream.js'
import { wireRules } from './wire-rules.js'
import { lazyTemporal, wireTemporal } from './wire-temporal.js'

const PROBE_KEPT_MS = 1_000
/** A caller waits: a Kafka that is away is known within two seconds, and its circuit does the rest. */
const KAFKA_RETRIES = 4

/** Starts the API's parts; it listens last, and is the first to stop. */
async function start(config: ApiConfig, log: Logger, { life }: ProcessContext): Promise<void> {
  const registry = createRegistry('api')
  const breakers = createBreakers(config, registry, log)
  const pool = await life.use('PostgreSQL pool', () =>
    openPool(poolSettings({ ...config, PG_STATEMENT_TIMEOUT_MS: config.API_QUERY_TIMEOUT_MS }, 'guardian-api'), log),
  )
  observePool(registry, pool, config.PG_POOL_MAX)
  const { db, reads } = guarded(pool, config, breakers, registry)
  observeStored(registry, config, reads, log)
  const connection = await life.use('Temporal connection', () => openTemporal(config))
  const tracing = await life.use('tracing', () => openTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, 'guardian-api'))
  const temporal = wireTemporal(config, connection, tracing)
  const kafka = openKafka(config, log)
  const access = await life.use('access', () => Promise.resolve(wireAccess(config, { db, reads, registry, log })))
  const sink = await life.use('collector', () =>
    Promise.resolve(wireCollector(config, { db, registry, log, breakers })),
  )
  const anomalyStream = wireStream(config, { kafka, reads, breakers, registry, log })
  const stopping = { now: false }
  const operations = createOperations(operationLimits(config))
  const app = createApi(operations, {
    ...access,
    log,
    registry,
    bodyLimitBytes: config.API_BODY_LIMIT_BYTES,
    requestTimeoutMs: config.API_REQUEST_TIMEOUT_MS,
    ...rememberedAnswers(config, registry),
    idempotency: wireIdempotency(db, config),
    trustedProxies: config.API_TRUSTED_PROXIES,
    isStopping: () => stopping.now,
    tracing,
    nowMs: Date.now,
    version: packageVersion(),
    uptimeSeconds: () => process.uptime(),
    rules: wireRules(db),
    ...wireReview(config, db),
    anomalyStream,
    ...wireJobs(config, { db, temporal, breaker: breakers.temporal }),
    ...wireLog(config, { db, kafka, breakers }),
    backTests: wireBackTests(config, { db, temporal, breaker: breakers.temporal }),
    backTestMaxDays: config.BACK_TEST_MAX_DAYS,
    ...wireSlo(config, reads),
    anomalies: { list: (request) => listAnomalies(reads, request), get: (key) => getAnomaly(reads, key) },
    figures: figureReader(reads),
    reconciliations: reconciliationReader(reads),
    alerts: { list: (filter) => listAlerts(reads, filter), get: (alertId) => readAlert(reads, alertId) },
    ...collectorParts(config, sink, tracing),
    silences: {
      list: (page) => listSilences(reads, page),
      create: (silence, by) => createSilence(db, silence, by),
      end: (silenceId, now, by) => endSilence(db, silenceId, now, by),
    },
    silenceMaxMs: config.ALERT_SILENCE_MAX_HOURS * 3_600_000,
    readChannels: () => readChannels(reads),
    readProcesses: () => readProcessStates(config.SUPERVISOR_STATE_FILE),
    readStats: (from, to) => readStats(reads, from, to),
    ...completenessReader(config, reads),
    readLag: lagReader(kafka, breakers),
    admit: createAdmit(laneSettings(config), registry),
    checkDependencies: createDependencyProbes(
      probes(config, { db, temporal: connection, kafka, breakers }),
      { deadlineMs: PROBE_DEADLINE_MS, keptMs: PROBE_KEPT_MS },
      Date.now,
    ),
  })
  const metrics = await life.use('metrics', () => serveMetrics(registry, config.API_METRICS_PORT, config.BIND_HOST))
  const server = await life.use('HTTP server', () => serveHttp(app, httpSettings(config), registry))
  await life.use('readiness', () => untilStopped(stopping, anomalyStream))
  log.info({ host: config.BIND_HOST, port: server.port, metricsPort: metrics.port }, 'api_started')
}

const openTemporal = (config: ApiConfig) => Promise.resolve(lazyTemporal(temporalConnection(config)))

const openKafka = (config: ApiConfig, log: Logger) =>
  createKafka(
    {
      ...kafkaConnection(config),
      ...{ clientId: 'guardian-api', retries: KAFKA_RETRIES },
      requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS,
    },
    log,
  )

const wireSlo = (config: ApiConfig, reads: Queryable) => ({
  readStageTimes: (from: Date, to: Date, targetMs: number) =>
    readStageTimes(reads, from, to, { targetMs, allowedLatenessMs: config.ALLOWED_LATENESS_MS }),
  objective: { targetMs: config.SLO_TARGET_MS, percent: config.SLO_PERCENT },
})

const httpSettings = ({ BIND_HOST: host, PORT: port, API_MAX_CONNECTIONS: maxConnections }: ApiConfig) => ({
  host,
  port,
  maxConnections,
})

const completenessReader = ({ API_COMPLETENESS_MINUTES: completenessMinutes }: ApiConfig, reads: Queryable) => ({
  readCompleteness: () => readCompleteness(reads, completenessMinutes),
  completenessMinutes,
})

const figureReader = (db: Queryable): FigureReader => ({
  dailyMetrics: (traffic, days) => listDailyMetrics(db, traffic, days),
  popularItems: (of) => readPopularItems(db, of),
  funnel: (of) => readFunnel(db, of),
  pipelineRuns: (page) => listPipelineRuns(db, page),
})

const reconciliationReader = (db: Queryable): ReconciliationReader => ({
  list: (page) => listReconciliations(db, page),
  get: (day) => readReconciliation(db, day),
  differences: (page) => listDifferences(db, page),
})

/** Stopped before the server is: what is answered from then on says so, and answers that go on for ever end. */
const untilStopped = (stopping: { now: boolean }, stream: AnomalyStream) =>
  Promise.resolve({
    value: stopping,
    stop: () => {
      stopping.now = true
      return stream.stop()
    },
  })

/** The database behind its circuit, and the same for what changes nothing and may be repeated. */
function guarded(pool: Database, config: ApiConfig, breakers: Breakers, registry: Registry) {
  const { API_RETRY_PERCENT: percent, API_RETRY_BURST: burst } = config
  const db = guardDatabase(pool, breakers.postgres)
  return { db, reads: retryReads(db, new RetryBudget('postgres', { percent, burst }, registry)) }
}

function rememberedAnswers(config: ApiConfig, registry: Registry) {
  const { API_TAGS_KEPT_MAX: max, API_LAST_GOOD_BYTES: maxBytes } = config
  const tags = new RememberedTags(monotonicMs, config.API_TAG_KEPT_MS, max)
  observeLimit(registry, 'API_TAGS_KEPT_MAX', { max, used: () => tags.kept })
  const maxAgeMs = config.API_LAST_GOOD_SECONDS * 1_000
  return { tags, lastGood: new LastGoodAnswers({ maxBytes, maxAgeMs }, monotonicMs, registry) }
}

const operationLimits = (config: ApiConfig) => ({
  pageLimitMax: config.API_PAGE_LIMIT_MAX,
  eventsPerRequestMax: config.API_COLLECTOR_BATCH_MAX,
  auditExportMax: config.API_AUDIT_EXPORT_MAX,
})

const collectorParts = (config: ApiConfig, sink: EventSink, tracing: Tracing | undefined) => ({
  origins: config.API_COLLECTOR_ORIGINS,
  collector: {
    sink,
    maxFutureSkewMs: config.MAX_FUTURE_SKEW_MS,
    allowedLatenessMs: config.ALLOWED_LATENESS_MS,
    maxRecordBytes: config.MAX_RECORD_BYTES,
    notesClient: config.API_COLLECTOR_NOTES_CLIENT === 'yes',
    clientFrom: config.collectorClientFrom,
    traceHeaders: tracing === undefined ? () => undefined : traceHeaders,
  },
})

function observePool(registry: Registry, db: Database, max: number): void {
  observeLimit(registry, 'PG_POOL_MAX', { max, used: () => db.load().open - db.load().idle })
  new Gauge({
    name: 'guardian_postgres_pool_connections',
    help: 'Connections that are open, idle, and callers that wait for one',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { open, idle, waiting } = db.load()
      this.set({ state: 'open' }, open)
      this.set({ state: 'idle' }, idle)
      this.set({ state: 'waiting' }, waiting)
    },
  })
}

function observeStored(registry: Registry, config: ApiConfig, reads: Queryable, log: Logger): void {
  observeAllowlist({
    ...{ registry, log },
    read: () => readAllowlistState(reads, new Date(), ENDING_SOON_MS),
  })
  observeHeld(registry, config, () => readHeldCounts(reads), log)
}

const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version

await runProcess('api', apiConfig, start)
