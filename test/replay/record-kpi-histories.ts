/**
 * Records the histories of the workflows that compute figures, as `record-histories.ts` does for the others:
 *
 *   npm run build && npx mocha dist/test/replay/record-kpi-histories.js
 */
import type { CompactionActivities } from '../../activities/compaction/compaction-activities.js'
import type { BackTestActivities } from '../../activities/back-test/back-test-activities.js'
import { createRunActivities } from '../../activities/runs/run-activities.js'
import type { ReconcileActivities } from '../../activities/reconcile/reconcile-activities.js'
import type { KpiActivities } from '../../activities/kpi/kpi-activities.js'
import { asActivity } from '../../activities/activity-failure.js'
import { GuardianError, type ErrorCode } from '../../domain/errors.js'
import { parseUtcDay } from '../../domain/utc-day.js'
import { WORKFLOWS, TASK_QUEUES, type BackfillKpiInput, type DailyKpiInput } from '../../workflows/contract.js'
import { recordNothing, useHistoryRecorder } from '../support/history-recorder.js'

const day = parseUtcDay('2026-10-01')

const refused = (code: ErrorCode, message: string): Promise<never> =>
  asActivity(() => Promise.reject(new GuardianError(code, message)))

const kpiOf = (more: Partial<KpiActivities> = {}): KpiActivities => ({
  readLogEnds: () => Promise.resolve([{ topic: 'km.clicks.v1', partition: 0, end: 10 }]),
  awaitArchive: () => Promise.resolve(),
  computeDay: () =>
    Promise.resolve({
      ...{ fence: 1, attempt: 1, files: 2, rows: 10, events: 8, purchases: 1, sessions: 3, flaggedSessions: 1 },
      ...{ quarantinedRecords: 0, droppedRecords: 0, leftOut: [] },
      ...{ repeatedRows: 1, warnings: ['8 events, where 80 are usual'], computeMs: 5 },
    }),
  publishDay: () =>
    Promise.resolve({
      isFirst: true,
      changedFigures: 0,
      causes: { lateRows: 0, flaggedSessionsBefore: 0, flaggedSessionsAfter: 1, otherVerdicts: false },
      summary: 'published for the first time',
      changes: [],
    }),
  previewDay: ({ day: of }) =>
    Promise.resolve({ day: parseUtcDay(of), files: 1, rows: 1, isPublished: false, why: ['never_published'] }),
  ...more,
})

describe('recording histories of figures', function () {
  this.timeout(120_000)
  const { temporal, withWorker, save } = useHistoryRecorder()

  const record = async (name: string, activities: object, type: string, id: string, input: object) => {
    await withWorker(TASK_QUEUES.batch, { ...activities, ...createRunActivities(recordNothing) }, async () => {
      const options = { taskQueue: TASK_QUEUES.batch, workflowId: id, args: [input] }
      await temporal()
        .client.workflow.execute(type, options)
        .catch((error: unknown) => error)
    })
    await save(name, id)
  }

  const daily: DailyKpiInput = { day, archiveWaitMs: 60_000 }
  const ofDay = WORKFLOWS.dailyKpi.workflowId(day)
  it('daily-kpi-published', () => record('daily-kpi-published', kpiOf(), 'dailyKpi', ofDay, daily))
  it('daily-kpi-incomplete', () =>
    record(
      'daily-kpi-incomplete',
      kpiOf({ awaitArchive: () => refused('GRD_ARCHIVE_INCOMPLETE', 'the archive is behind') }),
      'dailyKpi',
      ofDay,
      daily,
    ))
  it('daily-kpi-fenced', () =>
    record(
      'daily-kpi-fenced',
      kpiOf({ publishDay: () => refused('GRD_FENCED', 'computed by another attempt') }),
      'dailyKpi',
      ofDay,
      daily,
    ))
  const range: BackfillKpiInput = { from: '2026-10-01', to: '2026-10-03', archiveWaitMs: 60_000 }
  it('backfill-kpi', () =>
    record(
      'backfill-kpi',
      kpiOf({
        previewDay: ({ day: of }) =>
          Promise.resolve({
            ...{ day: parseUtcDay(of), files: 1, rows: 1, isPublished: true },
            why: of === '2026-10-02' ? [] : ['late_data'],
          }),
        readLogEnds: ({ day: of }) =>
          of === '2026-10-03' ? refused('GRD_BAD_INPUT', 'not over') : Promise.resolve([]),
      }),
      'backfillKpi',
      WORKFLOWS.backfillKpi.workflowId(range.from, range.to),
      range,
    ))
  const compared = (missing: number): ReconcileActivities => ({
    awaitDetector: () => Promise.resolve(),
    reconcileDay: () => Promise.resolve({ expected: 5, stored: 5 - missing, missing, extra: 0, different: 0 }),
  })
  for (const [name, missing] of [
    ['reconcile-equal', 0],
    ['reconcile-differs', 1],
  ] as const)
    it(name, () =>
      record(name, { ...kpiOf(), ...compared(missing) }, 'reconcile', WORKFLOWS.reconcile.workflowId(day), daily),
    )

  const backTested = (more: Partial<BackTestActivities> = {}): BackTestActivities => ({
    beginBackTest: () => Promise.resolve({ parts: [0, 3] }),
    testBackTestPart: () => Promise.resolve({ records: 7 }),
    completeBackTest: () => Promise.resolve(),
    failBackTest: () => Promise.resolve(),
    ...more,
  })
  const backTestId = '4c0f2f5e-0000-4000-8000-000000000000'
  const ofTest = WORKFLOWS.backTest.workflowId(backTestId)
  it('back-test-completed', () => record('back-test-completed', backTested(), 'backTest', ofTest, { backTestId }))
  it('back-test-refused', () => {
    const beginBackTest = () => refused('GRD_BAD_RULE', 'minEvents is a number in 1..1000000000')
    return record('back-test-refused', backTested({ beginBackTest }), 'backTest', ofTest, { backTestId })
  })

  const compacting = (more: Partial<CompactionActivities> = {}): CompactionActivities => ({
    removeSuperseded: () => Promise.resolve({ removed: 7 }),
    listCompactionDays: () =>
      Promise.resolve([
        { dataset: 'clicks', day },
        { dataset: 'purchases', day },
        { dataset: 'clicks', day: parseUtcDay('2026-09-30') },
      ]),
    compactDay: () => Promise.resolve({ merged: 12, written: 2, rows: 400, bytes: 9_000 }),
    ...more,
  })
  const compacts = (name: string, activities: CompactionActivities) =>
    record(name, activities, 'compactArchive', WORKFLOWS.compactArchive.workflowId(day), { day, maxDays: 10 })
  it('compact-archive-merges', () => compacts('compact-archive-merges', compacting()))
  it('compact-archive-nothing-to-do', () =>
    compacts('compact-archive-nothing-to-do', compacting({ listCompactionDays: () => Promise.resolve([]) })))
  it('compact-archive-day-fails', () =>
    compacts(
      'compact-archive-day-fails',
      compacting({
        compactDay: ({ dataset }) =>
          dataset === 'purchases'
            ? refused('GRD_QUALITY_GATE', '2 files with 9 rows were merged into 8 rows')
            : Promise.resolve({ merged: 12, written: 2, rows: 400, bytes: 9_000 }),
      }),
    ))

  it('backfill-kpi-bad-range', () =>
    record('backfill-kpi-bad-range', kpiOf(), 'backfillKpi', 'backfill-kpi:bad', { ...range, to: '2026-09-01' }))
})
