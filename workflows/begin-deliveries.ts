import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import { ParentClosePolicy, proxyActivities, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow'
import type { LookActivities } from '../activities/alerts/look-activities.js'
import { CHANNELS } from '../domain/alerting/channel.js'
import { WORKFLOWS } from './contract.js'
import { deliverAlert } from './deliver-alert.js'

const { listUndelivered } = proxyActivities<LookActivities>({
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '10 seconds' },
})

/**
 * Begins to deliver what a look has decided, and what an earlier one has decided and nobody delivers any more. Each
 * alert is delivered by a workflow of its own, so that a receiver that is away for hours holds no look up.
 * @param at of this look, ISO 8601
 */
export async function beginDeliveries(sent: readonly string[], at: string): Promise<void> {
  for (const alertId of new Set([...sent, ...(await listUndelivered({ at }))])) {
    try {
      await startChild(deliverAlert, {
        workflowId: WORKFLOWS.deliverAlert.workflowId(alertId),
        taskQueue: WORKFLOWS.deliverAlert.taskQueue,
        args: [{ alertId, channels: CHANNELS }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        staticSummary: 'Delivers one alert on every channel',
      })
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error // it is being delivered
    }
  }
}
