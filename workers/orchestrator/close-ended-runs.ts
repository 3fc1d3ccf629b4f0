import { WorkflowNotFoundError, type WorkflowClient } from '@temporalio/client'
import type { Database } from '../../db/pool.js'
import { closeRun, listRunningRuns } from '../../db/stores/pipeline-runs.js'

const RUNS_PER_SWEEP = 100

/**
 * Closes the runs in `pipeline_runs` that Temporal has ended: timed out, terminated, or deleted. Their workflows cannot
 * record that themselves.
 * @param startedBefore younger runs are left alone
 * @throws GRD_STORE_*; what the client throws when Temporal does not answer: no run is closed then
 */
export async function closeEndedRuns(db: Database, workflows: WorkflowClient, startedBefore: Date): Promise<void> {
  for (const run of await listRunningRuns(db, startedBefore, RUNS_PER_SWEEP)) {
    const ended = await endOf(workflows, run)
    if (ended === 'RUNNING') continue
    const reason = `Temporal ended the run: ${ended.toLowerCase().replaceAll('_', ' ')}`
    const isCompleted = ended === 'COMPLETED'
    await closeRun(db, { ...run, status: isCompleted ? 'completed' : 'failed', details: isCompleted ? {} : { reason } })
  }
}

async function endOf(workflows: WorkflowClient, run: { readonly workflowId: string; readonly runId: string }) {
  try {
    return (await workflows.getHandle(run.workflowId, run.runId).describe()).status.name
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'NOT_FOUND'
    throw error
  }
}
