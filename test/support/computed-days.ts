import { MockActivityEnvironment } from '@temporalio/testing'
import { createKpiActivities } from '../../activities/kpi/kpi-activities.js'
import type { ComputedDay } from '../../activities/kpi/kpi-contract.js'
import { createLogger } from '../../platform/logger.js'
import { openStorage } from '../../platform/object-storage/open-storage.js'
import { kpiDeps } from '../../workers/orchestrator/kpi-parts.js'
import { orchestratorConfig } from '../../workers/orchestrator/orchestrator-config.js'
import type { DetectionStage } from './detection-stage.js'
import { openTestPool } from './test-pool.js'

/**
 * Computes the KPIs of days with the activity that `dailyKpi` calls, without Temporal.
 * @param chosen every archived day if not given
 */
export async function computeArchivedDays(
  stage: DetectionStage,
  chosen?: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ComputedDay[]> {
  const config = orchestratorConfig({ ...stage.env, TEMPORAL_ADDRESS: '127.0.0.1:1', ...env })
  const log = createLogger('test', 'fatal')
  const { value: db, stop } = await openTestPool(stage.env['DATABASE_URL'] ?? '')
  try {
    const { computeDay } = createKpiActivities(kpiDeps({ db, log, storage: await openStorage(config), config }))
    const { rows } = await db.query<{ day: string }>('SELECT DISTINCT d.event_day::text AS day FROM archive_days d')
    const days: ComputedDay[] = []
    for (const day of chosen ?? rows.map((row) => row.day))
      days.push(
        await new MockActivityEnvironment().run<[{ day: string }], ComputedDay, typeof computeDay>(computeDay, { day }),
      )
    return days
  } finally {
    await stop()
  }
}
