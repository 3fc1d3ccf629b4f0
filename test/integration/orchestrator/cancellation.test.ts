import assert from 'node:assert/strict'
import { WorkflowFailedError } from '@temporalio/client'
import { CancelledFailure } from '@temporalio/common'
import { UTC } from '../../../domain/shop-day.js'
import { startQueueWorkers, type QueueWorkersDeps } from '../../../workers/orchestrator/queue-workers.js'
import { ensureSearchAttributes } from '../../../workers/orchestrator/search-attributes.js'
import { writeWorkflowBundle } from '../../../workers/orchestrator/workflow-bundle.js'
import { WORKFLOWS } from '../../../workflows/contract.js'
import { waitUntil } from '../../support/child-process.js'
import { useTestStack } from '../../support/stack.js'
import { openTemporalClient, type TemporalClient } from '../../support/temporal-client.js'

const BOUND_MS = 5_000
const day = '2026-07-01'
const lag = { warningSeconds: 1, criticalSeconds: 2 }
const thresholds = { warning: 1, critical: 2 }

/** Of each workflow: an input with which its first activity has to ask a server. */
const INPUTS: Readonly<Record<keyof typeof WORKFLOWS, object>> = {
  partitionMaintenance: { day, daysAhead: 1, retentionDays: 1 },
  dailyKpi: { day, archiveWaitMs: 1_000 },
  backfillKpi: { from: day, to: '2026-07-03', archiveWaitMs: 1_000 },
  reconcile: { day, archiveWaitMs: 1_000 },
  compactArchive: { day, maxDays: 1 },
  dlqReplay: { replayId: 'r', filter: {}, isDryRun: true, recordsPerSecond: 1, maxAttempts: 1 },
  dlqAlert: { thresholds, maxRecords: 1 },
  alertWatch: { sources: ['quarantine'], lag, burst: thresholds },
  backTest: { backTestId: 'b' },
  deliverAlert: { alertId: 'a', channels: ['slack'] },
}

describe('cancellation', function () {
  this.timeout(60_000)
  const stack = useTestStack('temporal')
  let temporal: TemporalClient
  before(async () => {
    await writeWorkflowBundle()
    temporal = await openTemporalClient(stack().temporalAddress)
    await ensureSearchAttributes(temporal.connection, 'default')
  })
  after(() => temporal.close())

  for (const [name, { type, taskQueue }] of Object.entries(WORKFLOWS))
    it(`ends ${name} and its activity within 5 s while a server does not answer`, async () => {
      const { client, connection } = temporal
      let waiting = 0
      const known: Partial<QueueWorkersDeps> = {
        ...{ connection, namespace: 'default', maxCachedWorkflows: 50, shutdownGraceMs: 30_000, tracing: undefined },
        onFatal: (cause) => assert.fail(String(cause)),
        recordRunStart: () => Promise.resolve(),
        recordRunEnd: () => Promise.resolve(),
        endBackTest: () => Promise.resolve(),
        giveDeliveryUp: () => Promise.resolve(),
        now: () => Date.now(),
        allowedLatenessMs: 0,
        timeZone: UTC,
        senders: new Map(),
      }
      // Every other server never answers.
      const deps = new Proxy(known, {
        get: (of, key) =>
          key in of
            ? of[key as keyof QueueWorkersDeps]
            : () => {
                waiting++
                return new Promise(() => undefined)
              },
      }) as QueueWorkersDeps
      const workers = await startQueueWorkers(deps)
      const workflowId = `cancelled-${name}`
      let startedAt = 0
      try {
        const run = await client.workflow.start(type, {
          ...{ taskQueue, workflowId, args: [INPUTS[name as keyof typeof WORKFLOWS]] },
        })
        await waitUntil(
          () => `${waiting} calls wait`,
          20_000,
          () => Promise.resolve(waiting > 0),
        )
        startedAt = performance.now()
        await run.cancel()
        await assert.rejects(
          run.result(),
          (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
        )
        assert.ok(performance.now() - startedAt < BOUND_MS, 'the workflow went on')
      } finally {
        await workers.stop() // it waits 30 s for its activities: it stops at once only when none is left
      }
      const tookMs = performance.now() - startedAt
      assert.ok(tookMs < BOUND_MS, `the activity went on: ${Math.round(tookMs)} ms`)
    })
})
