import { Worker } from '@temporalio/worker'
import type { KpiActivities } from '../../../activities/kpi/kpi-activities.js'
import type { BackTestActivities } from '../../../activities/back-test/back-test-activities.js'
import { createRunActivities } from '../../../activities/runs/run-activities.js'
import { addDays, parseUtcDay } from '../../../domain/utc-day.js'
import { MAX_BACKFILL_DAYS } from '../../../domain/kpi/plan-backfill.js'
import { bundlePath, writeWorkflowBundle } from '../../../workers/orchestrator/workflow-bundle.js'
import { TASK_QUEUES, WORKFLOWS } from '../../../workflows/contract.js'
import { testStack } from '../../support/stack.js'
import { openTemporalClient, type TemporalClient } from '../../support/temporal-client.js'
import type { Row } from '../row.js'

/** As many partitions as a topic may have, with offsets as large as they come. */
const PARTITIONS = 1_000
const OFFSET = 999_999_999_999

/** Temporal warns at so many events in a history and so many bytes in one payload. */
const WARNED_EVENTS = 10_240
const WARNED_BYTES = 256 * 1_024

/** Activities that answer as much as they ever may. */
const LARGEST = {
  readLogEnds: () =>
    Promise.resolve(
      ['km.clicks.v1', 'km.purchases.v1'].flatMap((topic) =>
        Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, end: OFFSET })),
      ),
    ),
  awaitArchive: () => Promise.resolve(),
  computeDay: () =>
    Promise.resolve({
      ...{ fence: 1, attempt: 1, files: 9, rows: OFFSET, events: OFFSET, purchases: OFFSET, sessions: OFFSET },
      ...{ flaggedSessions: OFFSET, repeatedRows: OFFSET, computeMs: 1_000 },
      ...{ quarantinedRecords: OFFSET, droppedRecords: OFFSET, leftOut: ['x'.repeat(500), 'x'.repeat(100)] },
      warnings: Array.from({ length: 20 }, () => 'x'.repeat(100)),
    }),
  publishDay: () =>
    Promise.resolve({
      ...{ isFirst: false, changedFigures: 50, summary: 'x'.repeat(500) },
      causes: { lateRows: OFFSET, flaggedSessionsBefore: OFFSET, flaggedSessionsAfter: OFFSET, otherVerdicts: true },
      changes: Array.from({ length: 50 }, () => ({
        ...{ traffic: 'flagged' as const, figure: 'remove_from_carts', before: OFFSET, after: OFFSET },
      })),
    }),
  previewDay: ({ day }) =>
    Promise.resolve({ day: parseUtcDay(day), files: 9, rows: OFFSET, isPublished: true, why: ['late_data'] }),
} as const satisfies KpiActivities

const BACK_TEST: BackTestActivities = {
  beginBackTest: () => Promise.resolve({ parts: Array.from({ length: PARTITIONS }, (_, n) => n) }),
  testBackTestPart: () => Promise.resolve({ records: OFFSET }),
  completeBackTest: () => Promise.resolve(),
  failBackTest: () => Promise.resolve(),
}

interface Measured {
  readonly events: number
  readonly largestBytes: number
}

async function measure({ client }: TemporalClient, type: string, workflowId: string, input: object): Promise<Measured> {
  const handle = await client.workflow.start(type, { taskQueue: TASK_QUEUES.batch, workflowId, args: [input] })
  await handle.result()
  const { events = [] } = await handle.fetchHistory()
  const sizes = (events ?? []).map((event) => JSON.stringify(event).length)
  return { events: sizes.length, largestBytes: Math.max(...sizes) }
}

export const row: Row = {
  id: 'B10',
  fault: 'the longest runs that there may be: a backfill of 200 days, a day and a back-test over 1,000 partitions',
  invariant: `no history comes to ${WARNED_EVENTS} events, no event to ${WARNED_BYTES} bytes, where Temporal begins to warn`,
  quick: true,
  run: async ({ say }) => {
    await writeWorkflowBundle()
    const temporal = await openTemporalClient((await testStack('temporal')).temporalAddress)
    const nothing = { recordRunStart: () => Promise.resolve(), recordRunEnd: () => Promise.resolve() }
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue: TASK_QUEUES.batch,
      workflowBundle: { codePath: bundlePath },
      activities: { ...LARGEST, ...BACK_TEST, ...createRunActivities(nothing) },
    })
    const from = parseUtcDay('2026-01-01')
    const to = addDays(from, MAX_BACKFILL_DAYS - 1)
    const runs: readonly (readonly [string, string, object])[] = [
      [
        'dailyKpi',
        WORKFLOWS.dailyKpi.workflowId(parseUtcDay('2025-12-31')),
        { day: '2025-12-31', archiveWaitMs: 1_000 },
      ],
      ['backfillKpi', WORKFLOWS.backfillKpi.workflowId(from, to), { from, to, parallel: 8, archiveWaitMs: 1_000 }],
      ['backTest', WORKFLOWS.backTest.workflowId('largest'), { backTestId: 'largest' }],
    ]
    const measured = new Map<string, Measured>()
    try {
      await worker.runUntil(async () => {
        for (const [type, id, input] of runs) {
          const one = await measure(temporal, type, id, input)
          measured.set(type, one)
          say(`${type}: ${one.events} events, the largest of ${one.largestBytes} bytes`)
        }
      })
    } finally {
      await temporal.close()
    }
    const over = [...measured].filter(([, m]) => m.events >= WARNED_EVENTS || m.largestBytes >= WARNED_BYTES)
    const most = (of: keyof Measured) => Math.max(...[...measured.values()].map((one) => one[of]))
    return {
      held: over.length === 0 && measured.size === runs.length,
      figure: `longest history ${most('events')} events, largest event ${most('largestBytes')} bytes, as JSON`,
      configuration: { backfillDays: MAX_BACKFILL_DAYS, partitions: PARTITIONS },
      differences: over.map(([type, { events, largestBytes }]) => `${type}: ${events} events, ${largestBytes} bytes`),
    }
  },
}
