import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { TOPICS } from '../../domain/events.js'
import { openPool } from '../../db/pool.js'
import { poolSettings } from '../../db/pool-settings.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { openDuckDb, type DuckDb } from '../../platform/duckdb/duckdb.js'
import { openAdmin, type LogAdmin } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { openConsumer } from '../../platform/kafka/consumer.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'
import { createRegistry, serveMetrics } from '../../platform/metrics.js'
import { openStorage } from '../../platform/object-storage/open-storage.js'
import { runProcess, type ProcessContext } from '../../platform/run-process.js'
import { kafkaConnection } from '../../platform/kafka/connection.js'
import { registrySettings } from '../../platform/avro/registry-connection.js'
import { OBSERVED_EVENT_SCHEMA, READER_SCHEMAS } from '../../schemas/avro-schemas.js'
import { logPositions } from '../log-positions.js'
import { storageBacklogs } from '../metric-series.js'
import { schemasOf } from '../schemas-of.js'
import { ArchiveRoller } from './archive-roller.js'
import { archiverConfig, type ArchiverConfig } from './archiver-config.js'
import { ArchiverMetrics } from './archiver-metrics.js'
import { ArchiverWorker, type ArchiverDeps } from './archiver-worker.js'
import { EventReader } from './event-reader.js'
import { RowBuffer } from './row-buffer.js'

const ownerName = `${hostname()}:${process.pid}`

/** Starts the archiver's parts in the order in which they need each other. */
async function start(config: ArchiverConfig, log: Logger, { life, onFatal }: ProcessContext): Promise<void> {
  const registry = createRegistry('archiver')
  const db = await life.use('PostgreSQL pool', () => openPool(poolSettings(config, 'guardian-archiver'), log))
  const storage = await openStorage(config)
  storageBacklogs(registry, storage)
  const filling = await life.use('DuckDB', () => openBuffers(config))
  const writing = await filling.connect()
  const kafka = createKafka(
    { ...kafkaConnection(config), clientId: ownerName, requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS },
    log,
  )
  const admin = await life.use('Kafka admin', () => openAdmin(kafka))
  const consumer = await life.use('Kafka consumer', () => openConsumer(kafka, consumerSettings(config), log))
  const openBuffer: ArchiverDeps['openBuffer'] = ({ dataset }) => RowBuffer.open(dataset, filling, writing)
  const metrics = new ArchiverMetrics(registry, {
    waiting: () => worker.bufferedBytes,
    limit: config.ARCHIVE_BUFFER_BYTES,
  })
  const roller = new ArchiveRoller({ db, storage, openBuffer, metrics, log })
  const parts = { db, storage, log, metrics, roller, consumer, openBuffer, ownerName, onFatal }
  const worker: ArchiverWorker = new ArchiverWorker({ ...parts, ...readingOf(config, admin), ...schemasOf(config, db) })
  await life.use('partitions', () => Promise.resolve({ value: worker, stop: () => worker.stop() }))
  await consumer.run({
    onBatch: (batch) => worker.onBatch(batch).catch(onFatal),
    onAssigned: (assignment) => worker.partitions.onAssigned(assignment),
    onRebalancing: () => worker.partitions.onRebalancing(),
    onCrash: onFatal,
  })
  const served = await life.use('metrics', () => serveMetrics(registry, config.ARCHIVER_METRICS_PORT, config.BIND_HOST))
  log.info({ metricsPort: served.port, owner: ownerName, archive: storage.url }, 'archiver_started')
}

/** The buffers' database; what does not fit its memory goes to a folder that is removed at the end. */
async function openBuffers(config: ArchiverConfig): Promise<Part<DuckDb>> {
  const spillFolder = await mkdtemp(join(tmpdir(), 'guardian-archiver-'))
  const { value, stop } = await openDuckDb({ memoryLimitBytes: config.ARCHIVE_MEMORY_BYTES, threads: 1, spillFolder })
  return { value, stop: () => stop().finally(() => rm(spillFolder, { recursive: true, force: true })) }
}

/** How records are read, and how much may wait. */
function readingOf(
  config: ArchiverConfig,
  admin: LogAdmin,
): Pick<ArchiverDeps, 'limits' | 'offsetsOf' | 'partitionsOf' | 'firstOffsetAfter' | 'readerOf'> {
  const schemas = new RegistryClient(registrySettings(config))
  const readerFor = (topic: string, record: 'Click' | 'Purchase') =>
    new EventReader({
      observedSchema: OBSERVED_EVENT_SCHEMA(record),
      fullSchema: READER_SCHEMAS[topic] ?? '',
      schemaById: (id) => schemas.schemaById(id),
      maxRecordBytes: config.MAX_RECORD_BYTES,
      recheckMs: config.SCHEMA_RECHECK_MS,
      maxFutureSkewMs: config.MAX_FUTURE_SKEW_MS,
    })
  const readers = new Map<string, EventReader>([
    [TOPICS.clicks, readerFor(TOPICS.clicks, 'Click')],
    [TOPICS.purchases, readerFor(TOPICS.purchases, 'Purchase')],
  ])
  return {
    limits: {
      rollIntervalMs: config.ARCHIVE_ROLL_INTERVAL_MS,
      rollRecords: config.ARCHIVE_ROLL_RECORDS,
      rollBytes: config.ARCHIVE_ROLL_BYTES,
      bufferBytes: config.ARCHIVE_BUFFER_BYTES,
    },
    ...logPositions(admin),
    readerOf: (topic) => {
      const reader = readers.get(topic)
      if (!reader) throw new Error(`no reader for ${topic}`)
      return reader
    },
  }
}

const consumerSettings = (config: ArchiverConfig) => ({
  groupId: config.ARCHIVER_GROUP_ID,
  topics: [TOPICS.clicks, TOPICS.purchases],
  sessionTimeoutMs: config.KAFKA_SESSION_TIMEOUT_MS,
  maxBytes: config.FETCH_MAX_BYTES,
  maxBytesPerPartition: config.FETCH_MAX_BYTES_PER_PARTITION,
  maxWaitMs: config.FETCH_MAX_WAIT_MS,
  maxUnpackedBytes: config.FETCH_MAX_UNPACKED_BYTES,
  maxBatchRecords: config.FETCH_MAX_BATCH_RECORDS,
})

await runProcess('archiver', archiverConfig, start)
