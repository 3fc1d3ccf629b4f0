import { hostname } from 'node:os'
import { TOPICS } from '../../domain/events.js'
import { openPool, type Database } from '../../db/pool.js'
import { poolSettings } from '../../db/pool-settings.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { openAdmin, type LogAdmin } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { openConsumer } from '../../platform/kafka/consumer.js'
import { startProducer } from '../../platform/kafka/producer.js'
import type { Logger } from '../../platform/logger.js'
import { createRegistry, serveMetrics, type Registry } from '../../platform/metrics.js'
import { runProcess, type ProcessContext } from '../../platform/run-process.js'
import { OBSERVED_EVENT_SCHEMA } from '../../schemas/avro-schemas.js'
import { AnomalyWriter } from './anomaly-writer.js'
import { Checkpointer } from './checkpointer.js'
import { detectorConfig, type DetectorConfig } from './detector-config.js'
import { DetectorMetrics } from './detector-metrics.js'
import { DetectorWorker, type DetectorDeps } from './detector-worker.js'
import { EventDecoder } from './event-decoder.js'
import { watchRules } from './rules-watch.js'

const ownerName = `${hostname()}:${process.pid}`

/** Starts the detector's parts in the order in which they need each other. */
async function start(config: DetectorConfig, log: Logger, { life, onFatal }: ProcessContext): Promise<void> {
  const registry = createRegistry('detector')
  const db = await life.use('PostgreSQL pool', () => openPool(poolSettings(config, 'guardian-detector'), log))
  const fastDb = await life.use('PostgreSQL pool of the writer', () => openPool(fastPoolSettings(config), log))
  const rules = await life.use('rules', () => watchRules(db, config.RULES_REFRESH_MS, log))
  const kafka = createKafka(
    { brokers: config.KAFKA_BROKERS, clientId: ownerName, requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS },
    log,
  )
  const admin = await life.use('Kafka admin', () => openAdmin(kafka))
  const producer = await life.use('Kafka producer', () => startProducer(kafka, {}, log))
  const consumer = await life.use('Kafka consumer', () => openConsumer(kafka, consumerSettings(config), log))
  const { metrics, writer } = writing(config, fastDb, registry, log)
  await life.use('anomaly writer', () => Promise.resolve({ value: writer, stop: () => writer.stop() }))
  const checkpointer = new Checkpointer(db, writer, rules, metrics, log)
  const parts = { db, log, metrics, writer, checkpointer, producer, consumer, ownerName, onFatal }
  const worker = new DetectorWorker({ ...parts, ...decisions(config, admin) })
  await life.use('partitions', () => Promise.resolve({ value: worker, stop: () => worker.stop() }))
  await consumer.run({
    onBatch: (batch) => worker.onBatch(batch).catch(onFatal),
    onAssigned: (assignment) => worker.onAssigned(assignment),
    onCrash: onFatal,
  })
  const served = await life.use('metrics', () => serveMetrics(registry, config.DETECTOR_METRICS_PORT, config.BIND_HOST))
  log.info({ metricsPort: served.port, owner: ownerName }, 'detector_started')
}

function writing(config: DetectorConfig, db: Database, registry: Registry, log: Logger) {
  const metrics = new DetectorMetrics(registry, () => writer.pendingRows, config.MAX_PENDING_ROWS)
  const limits = { maxPendingRows: config.MAX_PENDING_ROWS, maxRowsPerWrite: config.MAX_ROWS_PER_WRITE }
  const writer: AnomalyWriter = new AnomalyWriter(db, limits, metrics, log)
  return { metrics, writer }
}

/** What decides about records, and how much may be under way. */
function decisions(
  config: DetectorConfig,
  admin: LogAdmin,
): Pick<DetectorDeps, 'policy' | 'limits' | 'offsetsOf' | 'decoderOf'> {
  const schemas = new RegistryClient({ url: config.SCHEMA_REGISTRY_URL, timeoutMs: config.SCHEMA_REGISTRY_TIMEOUT_MS })
  const decoderFor = (record: 'Click' | 'Purchase') =>
    new EventDecoder(OBSERVED_EVENT_SCHEMA(record), (id) => schemas.schemaById(id), config.MAX_RECORD_BYTES)
  const decoders = new Map<string, EventDecoder>([
    [TOPICS.clicks, decoderFor('Click')],
    [TOPICS.purchases, decoderFor('Purchase')],
  ])
  return {
    policy: { allowedLatenessMs: config.ALLOWED_LATENESS_MS, maxFutureSkewMs: config.MAX_FUTURE_SKEW_MS },
    limits: {
      checkpointIntervalMs: config.CHECKPOINT_INTERVAL_MS,
      openRowRewriteMs: config.OPEN_ROW_REWRITE_MS,
      maxQueuedSideRecords: config.MAX_QUEUED_SIDE_RECORDS,
      maxUncommittedRecords: config.MAX_UNCOMMITTED_RECORDS,
    },
    offsetsOf: async ({ topic, partition }) => {
      const found = (await admin.offsets(topic)).find((offsets) => offsets.partition === partition)
      if (!found) throw new Error(`${topic} has no partition ${partition}`)
      return found
    },
    decoderOf: (topic) => {
      const decoder = decoders.get(topic)
      if (!decoder) throw new Error(`no decoder for ${topic}`)
      return decoder
    },
  }
}

const consumerSettings = (config: DetectorConfig) => ({
  groupId: config.DETECTOR_GROUP_ID,
  topics: [TOPICS.clicks, TOPICS.purchases],
  sessionTimeoutMs: config.KAFKA_SESSION_TIMEOUT_MS,
  maxBytes: config.FETCH_MAX_BYTES,
  maxBytesPerPartition: config.FETCH_MAX_BYTES_PER_PARTITION,
  maxWaitMs: config.FETCH_MAX_WAIT_MS,
  maxUnpackedBytes: config.FETCH_MAX_UNPACKED_BYTES,
})

/** One statement at a time is under way, and one more while a connection is replaced. */
const fastPoolSettings = (config: DetectorConfig) => ({
  ...poolSettings(config, 'guardian-detector'),
  max: 2,
  asynchronousCommit: true,
})

await runProcess('detector', detectorConfig, start)
