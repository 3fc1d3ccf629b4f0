import { CancellationScope, proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { RunActivities, RunDetails } from '../activities/runs/run-activities.js'
import { failureReason } from './failure-reason.js'
import { makeSearchable } from './make-searchable.js'

const { recordRunStarted, recordRunEnded } = proxyActivities<RunActivities>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '30 minutes',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    maximumAttempts: 30,
  },
})

/**
 * Does a workflow's work between two records in `pipeline_runs`: started, and completed or failed. The end is recorded
 * also when the run was cancelled.
 * @throws what `work` throws
 */
export async function recordedRun<Result extends object>(
  details: RunDetails,
  work: () => Promise<Result>,
): Promise<Result> {
  makeSearchable(typeof details['day'] === 'string' ? details['day'] : undefined)
  await recordRunStarted({ startedTs: workflowInfo().startTime.toISOString(), details })
  try {
    const result = await work()
    await recordRunEnded({ endedTs: now(), status: 'completed', details: { result } })
    return result
  } catch (error) {
    const reason = failureReason(error)
    await CancellationScope.nonCancellable(() =>
      recordRunEnded({ endedTs: now(), status: 'failed', details: { reason: reason.slice(0, REASON_MAX) } }),
    )
    throw error
  }
}

/** Characters of a reason that are kept: it names the records and the remedy. */
const REASON_MAX = 1_500

/** In a workflow this is the time of its task: the same in every replay. */
const now = (): string => new Date().toISOString()
