import { activityInfo } from '@temporalio/activity'
import { GuardianError } from '../../domain/errors.js'
import { asActivity } from '../activity-failure.js'

interface RunKey {
  readonly workflowId: string
  readonly runId: string
}

export type RunDetails = Readonly<Record<string, unknown>>

export interface RunDeps {
  readonly recordRunStart: (
    run: RunKey & { readonly workflowType: string; readonly startedTs: Date; readonly details: RunDetails },
  ) => Promise<void>
  readonly recordRunEnd: (
    run: RunKey & { readonly status: 'completed' | 'failed'; readonly endedTs: Date; readonly details: RunDetails },
  ) => Promise<void>
}

export interface RunStarted {
  /** ISO 8601. Times come from the workflow, so that a repeated attempt records the same. */
  readonly startedTs: string
  readonly details: RunDetails
}

export interface RunEnded {
  readonly endedTs: string
  readonly status: 'completed' | 'failed'
  readonly details: RunDetails
}

/** Activities that keep the row of a run in `pipeline_runs`; which run it is, Temporal says. All may be repeated. */
export const createRunActivities = ({ recordRunStart, recordRunEnd }: RunDeps) => ({
  recordRunStarted: ({ startedTs, details }: RunStarted): Promise<void> =>
    asActivity(() => recordRunStart({ ...currentRun(), startedTs: new Date(startedTs), details })),

  recordRunEnded: ({ endedTs, status, details }: RunEnded): Promise<void> =>
    asActivity(() => recordRunEnd({ ...currentRun(), status, endedTs: new Date(endedTs), details })),
})

export type RunActivities = ReturnType<typeof createRunActivities>

function currentRun(): RunKey & { readonly workflowType: string } {
  const { workflowExecution, workflowType } = activityInfo()
  if (workflowExecution === undefined || workflowType === undefined)
    throw new GuardianError('GRD_BAD_INPUT', 'a run is recorded from its workflow only')
  return { ...workflowExecution, workflowType }
}
