import { DuckDbEngine } from '../../activities/kpi/duckdb-engine.js'
import type { KpiEngine } from '../../activities/kpi/kpi-engine.js'
import { findSparkSubmit, SparkEngine } from '../../activities/kpi/spark-engine.js'
import type { ReconcileDeps } from '../../activities/reconcile/reconcile-activities.js'
import type { KpiDeps } from '../../activities/kpi/kpi-activities.js'
import { DATASETS, topicOf } from '../../domain/archive/archive-file.js'
import { parseTimeZone } from '../../domain/shop-day.js'
import type { Database } from '../../db/pool.js'
import {
  isDayDropped,
  readArchivePositions,
  readDayManifest,
  readDayState,
  recentEvents,
} from '../../db/read-models/kpi-inputs.js'
import {
  readDetectorPositions,
  readReconciliationInputs,
  readStoredAnomalies,
} from '../../db/read-models/reconciliation-inputs.js'
import { storeReconciliation } from '../../db/stores/reconciliations.js'
import { storeQuarantined } from '../../db/stores/quarantine.js'
import { publishFigures, raiseFence, stageFigures } from '../../db/stores/kpi.js'
import type { Config } from '../../platform/config.js'
import { fetchOffsets } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import type { Logger } from '../../platform/logger.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import { kafkaConnection, type KAFKA_CONNECTION_VARIABLES } from '../../platform/kafka/connection.js'

export interface KpiParts {
  readonly db: Database
  readonly log: Logger
  readonly storage: ObjectStorage
  readonly config: Config<
    | 'ALLOWED_LATENESS_MS'
    | (typeof KAFKA_CONNECTION_VARIABLES)[number]
    | 'KAFKA_REQUEST_TIMEOUT_MS'
    | 'KPI_ENGINE'
    | 'KPI_TIME_ZONE'
    | 'KPI_QUARANTINE_MAX_RECORDS'
    | 'KPI_MEMORY_BYTES'
    | 'KPI_THREADS'
    | 'KPI_SPARK_SHUFFLE_PARTITIONS'
    | 'KPI_SPARK_TIMEOUT_MS'
    | 'SPARK_MASTER'
    | 'SPARK_HOME'
    | 'HADOOP_CONF_DIR'
    | 'JAVA_HOME'
    | 'PATH'
  >
}

/** What the activities of the daily figures need, on real servers. */
export const kpiDeps = ({ db, log, storage, config }: KpiParts): KpiDeps & ReconcileDeps => ({
  logEnds: async () => {
    // Asked once a day: no connection is kept, and the orchestrator starts while Kafka is away.
    const kafka = createKafka(
      {
        ...kafkaConnection(config),
        clientId: 'guardian-orchestrator',
        requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS,
      },
      log,
    )
    const ends = await Promise.all(
      DATASETS.map(topicOf).map(async (topic) =>
        (await fetchOffsets(kafka, topic)).map(({ partition, high }) => ({ topic, partition, end: high })),
      ),
    )
    return ends.flat()
  },
  archivePositions: () => readArchivePositions(db),
  timeZone: parseTimeZone(config.KPI_TIME_ZONE),
  dayManifest: (day) => readDayManifest(db, day, parseTimeZone(config.KPI_TIME_ZONE)),
  dayState: (day) => readDayState(db, day, parseTimeZone(config.KPI_TIME_ZONE)),
  isDayDropped: (day) => isDayDropped(db, day, parseTimeZone(config.KPI_TIME_ZONE)),
  recentEvents: (day) => recentEvents(db, day, parseTimeZone(config.KPI_TIME_ZONE)),
  raiseFence: (day) => raiseFence(db, day),
  stageFigures: (day, fence, figures, inputs) => stageFigures(db, day, fence, figures, inputs),
  publishFigures: (day, fence) => publishFigures(db, day, fence),
  quarantine: (day, bounds, records) => storeQuarantined(db, day, bounds, records),
  maxQuarantined: config.KPI_QUARANTINE_MAX_RECORDS,
  engine: engineOf(config),
  withFiles: (keys, work) => storage.withFiles(keys, work),
  allowedLatenessMs: config.ALLOWED_LATENESS_MS,
  now: () => Date.now(),
  detectorPositions: () => readDetectorPositions(db),
  reconciliationInputs: (topic, day) => readReconciliationInputs(db, topic, day),
  storedAnomalies: (topic, day) => readStoredAnomalies(db, topic, day),
  storeReconciliation: (found) => storeReconciliation(db, found),
  reconciler: { memoryLimitBytes: config.KPI_MEMORY_BYTES, threads: config.KPI_THREADS },
})

/** What computes the figures. Spark is given its own variables and no others: it needs none of our secrets. */
function engineOf(config: KpiParts['config']): KpiEngine {
  const memoryLimitBytes = config.KPI_MEMORY_BYTES
  if (config.KPI_ENGINE === 'duckdb') return new DuckDbEngine({ memoryLimitBytes, threads: config.KPI_THREADS })
  const { SPARK_HOME, HADOOP_CONF_DIR, JAVA_HOME, PATH } = config
  return new SparkEngine({
    sparkSubmit: findSparkSubmit(config) ?? 'spark-submit',
    master: config.SPARK_MASTER,
    shufflePartitions: config.KPI_SPARK_SHUFFLE_PARTITIONS,
    memoryLimitBytes,
    timeoutMs: config.KPI_SPARK_TIMEOUT_MS,
    env: { SPARK_HOME, HADOOP_CONF_DIR, JAVA_HOME, PATH },
  })
}
