import assert from 'node:assert/strict'
import { parseTimeZone, UTC } from '../../../../domain/shop-day.js'
import { declaredSchedules, type SchedulePolicy } from '../../../../workers/orchestrator/schedules.js'
import { WORKFLOWS } from '../../../../workflows/contract.js'

const POLICY: SchedulePolicy = {
  ...{ timeZone: UTC, kpiHour: 0 },
  ...{ daysAhead: 7, retentionDays: 30, archiveWaitMs: 1_000, compaction: { maxDays: 1 } },
  deadLetters: { thresholds: { warning: 1, critical: 2 }, maxRecords: 1 },
  watch: { lag: { warningSeconds: 1, criticalSeconds: 2 }, burst: { warning: 1, critical: 2 } },
}
const DECLARED = declaredSchedules(POLICY)

describe('the declared schedules', () => {
  it('are those of the contract, each on the queue of its workflow', () => {
    const known = Object.values(WORKFLOWS).flatMap((one) =>
      'scheduleId' in one ? [[one.scheduleId, one.taskQueue]] : [],
    )
    assert.deepEqual(DECLARED.map(({ id, taskQueue }) => [id, taskQueue]).sort(), known.sort())
  })

  it('say how a day is made up for that no later run makes up for', () => {
    const ways = DECLARED.map(({ id, backfillCommand, eachRunCounts }) => [id, backfillCommand ?? eachRunCounts])
    assert.deepEqual(
      ways.filter(([, way]) => way !== undefined),
      [
        ['daily-kpi', 'guardian kpi backfill'],
        ['reconcile', true],
      ],
    )
  })

  it('compute the day before of the shop, after its own midnight; all others are of UTC', () => {
    const declared = declaredSchedules({ ...POLICY, timeZone: parseTimeZone('Africa/Cairo'), kpiHour: 1 })
    const daily = declared.find(({ id }) => id === 'daily-kpi')
    assert.deepEqual(daily?.at, { hour: 1, minute: 30, timeZone: 'Africa/Cairo' })
    assert.deepEqual(daily.input, { archiveWaitMs: 1_000, timeZone: 'Africa/Cairo' })
    assert.deepEqual(DECLARED.find(({ id }) => id === 'daily-kpi')?.input, { archiveWaitMs: 1_000 })
    assert.deepEqual(
      declared.filter(({ id }) => id !== 'daily-kpi'),
      DECLARED.filter(({ id }) => id !== 'daily-kpi'),
    )
  })
})
