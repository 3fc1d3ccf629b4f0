import { randomInt } from 'node:crypto'
import { hostname } from 'node:os'
import { TOPICS } from '../../domain/events.js'
import { freshLogOf } from '../../domain/fresh-log.js'
import { seedHashes } from '../../domain/hashing.js'
import { openPool, type Database } from '../../db/pool.js'
import { readPositions } from '../../db/stores/checkpoints.js'
import { poolSettings } from '../../db/pool-settings.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { fetchOffsets, openAdmin, type LogAdmin } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { openConsumer } from '../../platform/kafka/consumer.js'
import { startProducer, type Producer } from '../../platform/kafka/producer.js'
import { collectLessOften } from '../../platform/large-state.js'
import type { Logger } from '../../platform/logger.js'
import { openTracing } from '../../platform/tracing.js'
import { createRegistry, serveMetrics, type Registry } from '../../platform/metrics.js'
import { runProcess, type ProcessContext } from '../../platform/run-process.js'
import { kafkaConnection } from '../../platform/kafka/connection.js'
import { registrySettings } from '../../platform/avro/registry-connection.js'
import { AVRO_SCHEMAS, OBSERVED_EVENT_SCHEMA, subjectOf } from '../../schemas/avro-schemas.js'
import { logPositions } from '../log-positions.js'
import { schemasOf } from '../schemas-of.js'
import { AnomalyFeed, NOT_PUBLISHED } from './anomaly-feed.js'
import { AnomalyWriter } from './anomaly-writer.js'
import { Checkpointer } from './checkpointer.js'
import { detectorConfig, type DetectorConfig } from './detector-config.js'
import { DetectorMetrics } from './detector-metrics.js'
import { DetectorWorker, type DetectorDeps } from './detector-worker.js'
import { EventDecoder } from './event-decoder.js'
import { watchRules } from './rules-watch.js'
import { startIdleTicks } from './idle-ticks.js'
import { Steps } from './steps.js'
import { startWatchdog } from './watchdog.js'

const ownerName = `${hostname()}:${process.pid}`

/** Starts the detector's parts in the order in which they need each other. */
async function start(config: DetectorConfig, log: Logger, { life, onFatal }: ProcessContext): Promise<void> {
  collectLessOften()
  seedHashes(randomInt(2 ** 32))
  const registry = createRegistry('detector')
  const tracing = await life.use('tracing', () => openTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, 'guardian-detector'))
  const db = await life.use('PostgreSQL pool', () => openPool(ownPoolSettings(config, 'guardian-detector'), log))
  const fastDb = await life.use('PostgreSQL pool of the writer', () => openPool(fastPoolSettings(config), log))
  const looks = { everyMs: config.RULES_REFRESH_MS, patienceMs: config.PG_START_PATIENCE_MS }
  const rules = await life.use('rules', () => watchRules(db, looks, log))
  const kafka = createKafka(
    { ...kafkaConnection(config), clientId: ownerName, requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS },
    log,
  )
  const admin = await life.use('Kafka admin', () => openAdmin(kafka))
  const producer = await life.use('Kafka producer', () => startProducer(kafka, {}, log))
  const consumer = await life.use('Kafka consumer', () => openConsumer(kafka, consumerSettings(config), log))
  // Nothing waits in this producer but one send, so its own queue has no limit to wait at; the feed has one.
  const feedProducer = await life.use('Kafka producer of the feed', () => startProducer(kafka, {}, log))
  const schemas = new RegistryClient(registrySettings(config))
  const { metrics, writer, feed } = writing(config, { db: fastDb, producer: feedProducer, schemas, registry, log })
  await life.use('anomaly writer', () => Promise.resolve({ value: writer, stop: () => writer.stop() }))
  await life.use('anomaly feed', () => Promise.resolve({ value: feed, stop: () => feed.stop() }))
  const steps = new Steps()
  const changes = config.FRESH_LOG === undefined ? feed : NOT_PUBLISHED
  const checkpointer = new Checkpointer({ db, writer, feed: changes, rules, observer: metrics, steps, log })
  const parts = {
    db,
    log,
    metrics,
    writer,
    feed: changes,
    checkpointer,
    producer,
    consumer,
    steps,
    tracing,
    ownerName,
    onFatal,
  }
  const worker = new DetectorWorker({ ...parts, ...decisions(config, admin, schemas), ...schemasOf(config, db) })
  const ticks = { kafka, db, worker, producer, metrics, log }
  await life.use('partitions', () => Promise.resolve({ value: worker, stop: () => worker.stop() }))
  await consumer.runFetches({
    onFetch: (fetched) => worker.onFetch(fetched).catch(onFatal),
    onAssigned: (assignment) => worker.onAssigned(assignment),
    onRebalancing: () => worker.partitions.onRebalancing(),
    onCrash: onFatal,
  })
  const watched = { kafka, schemas, producers: [producer, feedProducer], worker, steps, metrics, log, onFatal }
  await watch(config, watched, life)
  await life.use('ticks', () => tickIdle(config, ticks))
  const served = await life.use('metrics', () => serveMetrics(registry, config.DETECTOR_METRICS_PORT, config.BIND_HOST))
  log.info({ metricsPort: served.port, owner: ownerName }, 'detector_started')
}

/** Closes windows of partitions that nothing comes to. Purchases have none. */
function tickIdle(
  config: DetectorConfig,
  {
    kafka,
    db,
    worker,
    producer,
    metrics,
    log,
  }: Omit<WatchedParts, 'schemas' | 'producers' | 'steps' | 'onFatal'> & {
    readonly db: Database
    readonly producer: Producer
  },
) {
  const hasWindows = ({ topic }: { readonly topic: string }) => topic !== TOPICS.purchases
  return startIdleTicks({
    everyMs: config.IDLE_TICK_INTERVAL_MS,
    owners: () => worker.partitions.owners.filter(hasWindows),
    unowned: () => worker.partitions.unowned.filter(hasWindows),
    adopt: (name) => worker.partitions.adopt(name),
    positions: () => readPositions(db),
    offsets: (topic) => fetchOffsets(kafka, topic),
    send: (records) => producer.send(records),
    onTick: (owner) => metrics.ticked(owner),
    log,
  })
}

interface WatchedParts {
  readonly kafka: ReturnType<typeof createKafka>
  readonly schemas: RegistryClient
  readonly producers: readonly Producer[]
  readonly worker: DetectorWorker
  readonly steps: Steps
  readonly metrics: DetectorMetrics
  readonly log: Logger
  readonly onFatal: (cause: unknown) => void
}

/** Over connections of its own: those of the parts that it watches can be what holds them. */
async function watch(config: DetectorConfig, parts: WatchedParts, life: ProcessContext['life']): Promise<void> {
  const { kafka, schemas, producers, worker, steps, metrics, log, onFatal } = parts
  // A partition has a checkpoint once in an interval.
  const limitMs = config.PROGRESS_TIMEOUT_MS + 2 * config.CHECKPOINT_INTERVAL_MS
  const pool = { ...ownPoolSettings(config, 'guardian-detector-watchdog'), max: 1 }
  const db = await life.use('PostgreSQL pool of the watchdog', () => openPool(pool, log))
  const isRefused = ({ lastFailureAgoMs }: Producer) => lastFailureAgoMs !== undefined && lastFailureAgoMs < limitMs
  const awayServer = async () => {
    const isThere = await schemas.subjects().then(
      () => true,
      () => false,
    )
    if (!isThere) return 'the schema registry'
    return producers.some(isRefused) ? 'Kafka, which does not take what is sent' : undefined
  }
  await life.use('watchdog', () =>
    startWatchdog({
      limitMs,
      assigned: () => worker.partitions.assigned,
      positions: () => readPositions(db),
      offsets: (topic) => fetchOffsets(kafka, topic),
      awayServer,
      wake: (partition) => worker.partitions.wake(partition, partition.resumeAt),
      steps,
      observer: metrics,
      log,
      onStuck: onFatal,
    }),
  )
}

interface WritingDeps {
  readonly db: Database
  readonly producer: Producer
  readonly schemas: RegistryClient
  readonly registry: Registry
  readonly log: Logger
}

/** Where anomalies go: to PostgreSQL, and to those who subscribe. */
function writing(config: DetectorConfig, { db, producer, schemas, registry, log }: WritingDeps) {
  const metrics = new DetectorMetrics(
    registry,
    { waiting: () => writer.pendingRows, limit: config.MAX_PENDING_ROWS },
    { waiting: () => feed.queuedChanges, limit: config.MAX_QUEUED_ANOMALY_CHANGES },
    config.MAX_PARTITION_STATE_BYTES,
  )
  const limits = { maxPendingRows: config.MAX_PENDING_ROWS, maxRowsPerWrite: config.MAX_ROWS_PER_WRITE }
  const writer: AnomalyWriter = new AnomalyWriter(db, limits, metrics, log)
  const feed: AnomalyFeed = new AnomalyFeed({
    producer,
    schemaIdOf: (topic) => schemas.register(subjectOf(topic), AVRO_SCHEMAS[topic] ?? ''),
    maxQueuedChanges: config.MAX_QUEUED_ANOMALY_CHANGES,
    observer: metrics,
    log,
  })
  return { metrics, writer, feed }
}

/** What decides about records, and how much may be under way. */
function decisions(
  config: DetectorConfig,
  admin: LogAdmin,
  schemas: RegistryClient,
): Pick<
  DetectorDeps,
  'policy' | 'counting' | 'limits' | 'offsetsOf' | 'partitionsOf' | 'firstOffsetAfter' | 'decoderOf'
> {
  const decoderFor = (record: 'Click' | 'Purchase') =>
    new EventDecoder(OBSERVED_EVENT_SCHEMA(record), {
      schemaById: (id) => schemas.schemaById(id),
      maxRecordBytes: config.MAX_RECORD_BYTES,
      recheckMs: config.SCHEMA_RECHECK_MS,
    })
  const decoders = new Map<string, EventDecoder>(
    topicsOf(config).map((topic) => [topic, decoderFor(topic === TOPICS.purchases ? 'Purchase' : 'Click')]),
  )
  return {
    policy: { allowedLatenessMs: config.ALLOWED_LATENESS_MS, maxFutureSkewMs: config.MAX_FUTURE_SKEW_MS },
    counting: {
      maxMinutes: config.MAX_MINUTES_PER_CHECKPOINT,
      keptMs: config.MINUTE_RETENTION_HOURS * 3_600_000,
      maxFutureSkewMs: config.MAX_FUTURE_SKEW_MS,
    },
    limits: {
      checkpointIntervalMs: config.CHECKPOINT_INTERVAL_MS,
      openRowRewriteMs: config.OPEN_ROW_REWRITE_MS,
      maxQueuedSideRecords: config.MAX_QUEUED_SIDE_RECORDS,
      maxUncommittedRecords: config.MAX_UNCOMMITTED_RECORDS,
      maxStateBytes: config.MAX_PARTITION_STATE_BYTES,
      batch: batchLimits(config),
    },
    ...logPositions(admin),
    decoderOf: (topic) => {
      const decoder = decoders.get(topic)
      if (!decoder) throw new Error(`no decoder for ${topic}`)
      return decoder
    },
  }
}

/** The live topics, or a fresh log alone. */
const topicsOf = ({ FRESH_LOG: name }: DetectorConfig): string[] =>
  name === undefined ? [TOPICS.clicks, TOPICS.purchases] : [freshLogOf(name).topic]

/** What a detector writes of a fresh log goes to the tables of that log; the rules are those of everybody. */
const ownPoolSettings = (config: DetectorConfig, applicationName: string) => ({
  ...poolSettings(config, applicationName),
  ...(config.FRESH_LOG === undefined ? {} : { schema: freshLogOf(config.FRESH_LOG).schema }),
})

const consumerSettings = (config: DetectorConfig) => ({
  groupId: config.DETECTOR_GROUP_ID,
  topics: topicsOf(config),
  sessionTimeoutMs: config.KAFKA_SESSION_TIMEOUT_MS,
  maxBytes: config.FETCH_MAX_BYTES,
  maxBytesPerPartition: config.FETCH_MAX_BYTES_PER_PARTITION,
  maxWaitMs: config.FETCH_MAX_WAIT_MS,
  ...batchLimits(config),
})

const batchLimits = (config: DetectorConfig) => ({
  maxUnpackedBytes: config.FETCH_MAX_UNPACKED_BYTES,
  maxBatchRecords: config.FETCH_MAX_BATCH_RECORDS,
})

/** One statement at a time is under way, and one more while a connection is replaced. */
const fastPoolSettings = (config: DetectorConfig) => ({
  ...ownPoolSettings(config, 'guardian-detector'),
  max: 2,
  asynchronousCommit: true,
})

await runProcess('detector', detectorConfig, start)
