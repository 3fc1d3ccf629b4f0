import type { BackTestDeps } from '../../activities/back-test/back-test-activities.js'
import type { Database } from '../../db/pool.js'
import { readBackTestParts, readFilesOfDays } from '../../db/read-models/back-test-inputs.js'
import {
  beginBackTest,
  endBackTest,
  getBackTest,
  readBackTestParts as readResults,
  updateBackTestPart,
} from '../../db/stores/back-tests.js'
import { topicOf } from '../../domain/archive/archive-file.js'
import { backTestDays } from '../../domain/detection/check-back-test.js'
import type { Config } from '../../platform/config.js'
import { Counter, type Registry } from '../../platform/metrics.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'

export interface BackTestParts {
  readonly db: Database
  readonly storage: ObjectStorage
  readonly registry: Registry
  readonly config: Config<
    'KPI_MEMORY_BYTES' | 'KPI_THREADS' | 'ALLOWED_LATENESS_MS' | 'MAX_FUTURE_SKEW_MS' | 'BACK_TEST_MAX_WINDOWS'
  >
}

/** What the activities of back-tests need, on real servers. */
export function backTestDeps({ db, storage, registry, config }: BackTestParts): BackTestDeps {
  const records = new Counter({
    name: 'guardian_back_test_records_total',
    help: 'Archived records that back-tests have decided',
    registers: [registry],
  })
  return {
    backTestOrder: async (backTestId) => {
      const row = await getBackTest(db, backTestId)
      if (row === undefined) return undefined
      // Whoever stored it has held it to the limit of days.
      const days = backTestDays(row.fromDay, row.toDay, Date.now(), Number.POSITIVE_INFINITY)
      return { ruleId: row.ruleId, candidate: row.candidate, inForce: row.inForce, days }
    },
    backTestParts: (days) => readBackTestParts(db, topicOf('clicks'), days),
    purchaseFiles: (days) => readFilesOfDays(db, topicOf('purchases'), days),
    beginBackTest: (backTestId, parts) => beginBackTest(db, backTestId, parts),
    reportBackTestPart: (backTestId, partition, recordsRead) =>
      updateBackTestPart(db, backTestId, partition, { recordsRead }),
    storeBackTestPart: (backTestId, partition, recordsRead, result) =>
      updateBackTestPart(db, backTestId, partition, { recordsRead, result }),
    backTestPartResults: (backTestId) => readResults(db, backTestId),
    endBackTest: (backTestId, end) => endBackTest(db, backTestId, end),
    detectorPolicy: { allowedLatenessMs: config.ALLOWED_LATENESS_MS, maxFutureSkewMs: config.MAX_FUTURE_SKEW_MS },
    maxBackTestWindows: config.BACK_TEST_MAX_WINDOWS,
    archiveReader: { memoryLimitBytes: config.KPI_MEMORY_BYTES, threads: config.KPI_THREADS },
    withFiles: (keys, work) => storage.withFiles(keys, work),
    onBackTested: (count) => records.inc(count),
  }
}
