import assert from 'node:assert/strict'
import { startQueueWorkers, type QueueWorkersDeps } from '../../../workers/orchestrator/queue-workers.js'
import { TASK_QUEUES } from '../../../workflows/contract.js'
import { waitUntil } from '../../support/child-process.js'
import { useTestStack } from '../../support/stack.js'
import { openTemporalClient } from '../../support/temporal-client.js'

/** Of the queue of operations. */
const PLACES = 10

describe('the task queues', function () {
  this.timeout(60_000)
  const stack = useTestStack('temporal')

  it('are bulkheads: when every place of one is taken by what does not end, another one works, and no place is added', async () => {
    const { client, connection, close } = await openTemporalClient(stack().temporalAddress)
    let atWork = 0
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const deps: Partial<QueueWorkersDeps> = {
      ...{ connection, namespace: 'default', maxCachedWorkflows: 50, shutdownGraceMs: 5_000, tracing: undefined },
      onFatal: (cause) => assert.fail(String(cause)),
      deadLetterRanges: async () => {
        atWork++
        await released
        return []
      },
      deadLetterOffsets: () => Promise.resolve([]),
      readDeadLetterCursors: () => Promise.resolve([]),
      recordDeadLetterLook: () => Promise.resolve({ sent: [], suppressed: 0 }),
      listUndelivered: () => Promise.resolve([]),
    }
    const workers = await startQueueWorkers(deps as QueueWorkersDeps)
    const { workflow } = client
    try {
      const request = { replayId: 'r', filter: {}, isDryRun: true, recordsPerSecond: 1, maxAttempts: 1 }
      const stuck = await Promise.all(
        Array.from({ length: PLACES + 1 }, (_, i) =>
          workflow.start('dlqReplay', { taskQueue: TASK_QUEUES.ops, workflowId: `stuck-${i}`, args: [request] }),
        ),
      )
      await waitUntil(
        () => `${atWork} are at work`,
        30_000,
        () => Promise.resolve(atWork === PLACES),
      )
      const look = { thresholds: { warning: 1, critical: 2 }, maxRecords: 10 }
      const told: unknown = await workflow.execute('dlqAlert', {
        ...{ taskQueue: TASK_QUEUES.alerts, workflowId: 'not-stuck', args: [look], workflowExecutionTimeout: 20_000 },
      })
      assert.deepEqual(told, { counted: 0, left: 0, missed: 0, sent: [], suppressed: 0 })
      assert.equal(atWork, PLACES)
      release()
      await Promise.all(stuck.map((run) => run.result()))
      assert.equal(atWork, PLACES + 1)
    } finally {
      release()
      await workers.stop()
      await close()
    }
  })
})
