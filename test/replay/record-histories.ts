/**
 * Records the histories that the replay tests run: each scenario on a real Temporal, with activities that answer from
 * memory. Run it after a change that is meant to break with running workflows, and say so in the commit:
 *
 *   npm run build && npx mocha dist/test/replay/record-histories.js
 *
 * A change that is not meant to break leaves the files alone, and the tests green.
 */
import { UTC } from '../../domain/shop-day.js'
import { createPartitionActivities, type PartitionDeps } from '../../activities/partitions/partition-activities.js'
import { createRunActivities } from '../../activities/runs/run-activities.js'
import { TOPICS } from '../../domain/events.js'
import type { PartitionArchival } from '../../domain/partition-planning/held-day.js'
import { GuardianError } from '../../domain/errors.js'
import { startOfDayMs, parseUtcDay } from '../../domain/utc-day.js'
import { declaredSchedules, ensureSchedules } from '../../workers/orchestrator/schedules.js'
import { createLogger } from '../../platform/logger.js'
import { WORKFLOWS, type PartitionMaintenanceInput } from '../../workflows/contract.js'
import { recordNothing, useHistoryRecorder } from '../support/history-recorder.js'
import { removeSchedule } from '../support/temporal-client.js'

const { type, taskQueue, scheduleId, workflowId } = WORKFLOWS.partitionMaintenance
const day = parseUtcDay('2026-10-01')
const input = { daysAhead: 2, retentionDays: 30, day }

const partitionsOf = (days: readonly string[], more: Partial<PartitionDeps> = {}): PartitionDeps => ({
  listDayPartitions: () => Promise.resolve(days.map((one) => ({ from: new Date(startOfDayMs(parseUtcDay(one))) }))),
  ensureDayPartition: () => Promise.resolve(true),
  listDayTables: () => Promise.resolve(days.map((one) => ({ day: parseUtcDay(one), state: 'attached' as const }))),
  readDayArchival: () => Promise.resolve([]),
  detachDay: () => Promise.resolve(),
  dropDetachedDay: () => Promise.resolve({ rows: 7 }),
  settledDays: 7,
  now: () => startOfDayMs(day),
  ...more,
})

const lockTakenOnce = (): PartitionDeps['ensureDayPartition'] => {
  let attempts = 0
  return () => {
    attempts += 1
    return attempts === 1
      ? Promise.reject(new GuardianError('GRD_STORE_CONFLICT', 'statement failed'))
      : Promise.resolve(true)
  }
}

/** The archive has passed every day of this. */
const archived = (day: string): PartitionArchival => ({
  topic: TOPICS.clicks,
  partition: 0,
  ...{ detectorOffset: 100, archiveOffset: 100, archivedToMs: startOfDayMs(parseUtcDay(day)) },
  ...{ rows: 0, lastRowOffset: null, lastWriteMs: null, hasGap: false },
})
const dropsTwo = partitionsOf(['2026-07-01', '2026-08-01', '2026-08-30', '2026-10-01', '2026-10-02', '2026-10-03'], {
  readDayArchival: (one) =>
    Promise.resolve([{ ...archived('2026-08-15'), ...(one > '2026-08-15' ? { archiveOffset: 99 } : {}) }]),
})
let readers = 0
const stillRead: PartitionDeps['detachDay'] = () =>
  readers++ === 0
    ? Promise.reject(new GuardianError('GRD_STORE_CONFLICT', 'a transaction has anomaly_sessions in hand since 9 ms'))
    : Promise.resolve()

interface Scenario {
  readonly name: string
  readonly partitions: PartitionDeps
  readonly input?: PartitionMaintenanceInput
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'partition-maintenance-creates', partitions: partitionsOf([]) },
  {
    name: 'partition-maintenance-nothing-to-do',
    partitions: partitionsOf(['2026-08-01', '2026-10-01', '2026-10-02', '2026-10-03']),
  },
  {
    name: 'partition-maintenance-lock-taken',
    partitions: partitionsOf([], { ensureDayPartition: lockTakenOnce() }),
  },
  {
    name: 'partition-maintenance-refused',
    partitions: partitionsOf([], {
      ensureDayPartition: () => Promise.reject(new GuardianError('GRD_STORE_REFUSED', 'statement failed')),
    }),
  },
  { name: 'partition-maintenance-drops', partitions: { ...dropsTwo, detachDay: stillRead } },
  { name: 'partition-maintenance-bad-policy', partitions: partitionsOf([]), input: { ...input, daysAhead: 0 } },
]

describe('recording histories', function () {
  this.timeout(120_000)
  const { temporal, withWorker, save } = useHistoryRecorder()

  const withPartitions = (partitions: PartitionDeps, work: () => Promise<void>) =>
    withWorker(taskQueue, { ...createPartitionActivities(partitions), ...createRunActivities(recordNothing) }, work)

  for (const scenario of SCENARIOS)
    it(scenario.name, () =>
      withPartitions(scenario.partitions, async () => {
        const id = workflowId(day)
        const options = { taskQueue, workflowId: id, args: [scenario.input ?? input] }
        await temporal()
          .client.workflow.execute(type, options)
          .catch((error: unknown) => error)
        await save(scenario.name, id)
      }),
    )

  it('partition-maintenance-scheduled', async () => {
    const { client } = temporal()
    await withPartitions(partitionsOf([]), async () => {
      const deadLetters = { thresholds: { warning: 10, critical: 100 }, maxRecords: 1_000 }
      const watch = { lag: { warningSeconds: 60, criticalSeconds: 300 }, burst: { warning: 100, critical: 1_000 } }
      const declared = declaredSchedules({
        ...{ timeZone: UTC, kpiHour: 0 },
        ...{ daysAhead: 2, retentionDays: 30, archiveWaitMs: 60_000, compaction: { maxDays: 10 } },
        ...{ deadLetters, watch },
      })
      const own = declared.filter(({ id }) => id === scheduleId)
      await ensureSchedules(client.schedule, own, createLogger('recorder', 'fatal'))
      try {
        for (let id: string | undefined; id === undefined;) {
          const { info } = await client.schedule.getHandle(scheduleId).describe()
          id = info.recentActions.at(-1)?.action.workflow.workflowId
          if (id === undefined) continue
          await client.workflow.getHandle(id).result()
          await save('partition-maintenance-scheduled', id)
        }
      } finally {
        await removeSchedule(client, scheduleId)
      }
    })
  })
})
