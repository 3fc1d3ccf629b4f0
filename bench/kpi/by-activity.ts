/* The figures of the bench's day, by the activity that `dailyKpi` calls. A process of its own, on the bench's PostgreSQL. */
import { MockActivityEnvironment } from '@temporalio/testing'
import { createKpiActivities } from '../../activities/kpi/kpi-activities.js'
import type { ComputedDay } from '../../activities/kpi/kpi-contract.js'
import { openPool } from '../../db/pool.js'
import { poolSettings } from '../../db/pool-settings.js'
import { createLogger } from '../../platform/logger.js'
import { openStorage } from '../../platform/object-storage/open-storage.js'
import { kpiDeps } from '../../workers/orchestrator/kpi-parts.js'
import { orchestratorConfig } from '../../workers/orchestrator/orchestrator-config.js'
import { BENCH_DAY } from './generate-day.js'

const config = orchestratorConfig(process.env)
const log = createLogger('bench', 'warn')
const { value: db, stop } = await openPool(poolSettings(config, 'guardian-bench'), log)
const storage = await openStorage(config)
const { computeDay, publishDay } = createKpiActivities(kpiDeps({ db, log, storage, config }))
const { fence, ...computed } = await new MockActivityEnvironment().run<
  [{ day: string }],
  ComputedDay,
  typeof computeDay
>(computeDay, { day: BENCH_DAY })
await new MockActivityEnvironment().run(publishDay, { day: BENCH_DAY, fence })
await stop()
process.stdout.write(`${JSON.stringify(computed)}\n`)
