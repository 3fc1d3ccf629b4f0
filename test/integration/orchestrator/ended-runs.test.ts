import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFailedRuns } from '../../../db/read-models/alert-watch.js'
import { recordRunStart } from '../../../db/stores/pipeline-runs.js'
import { observeFailedRuns } from '../../../domain/alerting/kinds/pipeline-runs.js'
import { closeEndedRuns } from '../../../workers/orchestrator/close-ended-runs.js'
import { useTestStack } from '../../support/stack.js'
import { openTemporalClient } from '../../support/temporal-client.js'
import { createMigratedDatabase } from '../../support/test-pool.js'

describe('runs that Temporal has ended', function () {
  this.timeout(60_000)
  const stack = useTestStack('postgres', 'temporal')

  it('are closed in pipeline_runs and raise an alert; those that run are left alone', async () => {
    const { db, drop } = await createMigratedDatabase('endedruns')
    const { client, close } = await openTemporalClient(stack().temporalAddress)
    try {
      const startedTs = new Date(Date.now() - 7 * 3_600_000)
      const begin = async (workflowId: string, workflowRunTimeout: number): Promise<string> => {
        const options = { taskQueue: 'nobody-polls', workflowId, workflowRunTimeout }
        const { firstExecutionRunId: runId } = await client.workflow.start('dailyKpi', options)
        await recordRunStart(db, { workflowId, runId, workflowType: 'dailyKpi', startedTs, details: {} })
        return runId
      }
      const ids = { runs: await begin('ended-runs', 60_000), timesOut: await begin('ended-times-out', 1_000) }
      await begin('ended-terminated', 60_000)
      await client.workflow.getHandle('ended-terminated').terminate()
      await assert.rejects(client.workflow.getHandle('ended-times-out', ids.timesOut).result())
      const gone = { workflowId: 'ended-gone', runId: randomUUID() }
      await recordRunStart(db, { ...gone, workflowType: 'dailyKpi', startedTs, details: {} })

      const from = new Date(Date.now() - 60_000) // the runs started hours before the watch's last evaluation
      await closeEndedRuns(db, client.workflow, new Date())
      const { rows } = await db.query<{ id: string; status: string; reason: string | null }>(
        `SELECT workflow_id AS id, status, details->>'reason' AS reason FROM pipeline_runs ORDER BY workflow_id`,
      )
      assert.deepEqual(rows, [
        { id: 'ended-gone', status: 'failed', reason: 'Temporal ended the run: not found' },
        { id: 'ended-runs', status: 'running', reason: null },
        { id: 'ended-terminated', status: 'failed', reason: 'Temporal ended the run: terminated' },
        { id: 'ended-times-out', status: 'failed', reason: 'Temporal ended the run: timed out' },
      ])
      const failed = await readFailedRuns(db, from, new Date(Date.now() + 60_000))
      const alerts = observeFailedRuns(failed, (id) => ({ label: 'The run', to: id }))
      assert.deepEqual(
        alerts.map(({ severity, count }) => ({ severity, count })),
        [{ severity: 'critical', count: 3 }],
      )
    } finally {
      await client.workflow
        .getHandle('ended-runs')
        .terminate()
        .catch(() => undefined)
      await close()
      await drop()
    }
  })
})
