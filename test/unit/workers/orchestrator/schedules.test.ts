import assert from 'node:assert/strict'
import { declaredSchedules } from '../../../../workers/orchestrator/schedules.js'
import { WORKFLOWS } from '../../../../workflows/contract.js'

const DECLARED = declaredSchedules({
  ...{ daysAhead: 7, retentionDays: 30, archiveWaitMs: 1_000, compaction: { maxDays: 1 } },
  deadLetters: { thresholds: { warning: 1, critical: 2 }, maxRecords: 1 },
  watch: { lag: { warningSeconds: 1, criticalSeconds: 2 }, burst: { warning: 1, critical: 2 } },
})

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
})
