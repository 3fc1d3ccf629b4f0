import { proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import type { DeadLetterActivities } from '../activities/alerts/dead-letter-activities.js'
import { beginDeliveries } from './begin-deliveries.js'
import type { DlqAlertInput, DlqAlertResult } from './contract.js'

const { lookAtDeadLetters } = proxyActivities<DeadLetterActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '30 seconds',
  scheduleToCloseTimeout: '15 minutes', // after that, the next look counts what this one did not
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '30 seconds',
  },
})

/** Counts the dead letters since the last look, by cause, and has told whom it concerns. */
export async function dlqAlert({ thresholds, maxRecords }: DlqAlertInput): Promise<DlqAlertResult> {
  const { workflowId, runId, startTime } = workflowInfo()
  const at = startTime.toISOString()
  setCurrentDetails('Counting the dead letters since the last look')
  const look = await lookAtDeadLetters({ lookId: `${workflowId}/${runId}`, at, thresholds, maxRecords })
  await beginDeliveries(look.sent, at)
  setCurrentDetails(describe(look))
  return look
}

const describe = ({ counted, sent, suppressed, left, missed }: DlqAlertResult): string =>
  [
    `- ${counted} dead letters since the last look`,
    `- ${sent.length} alerts sent, ${suppressed} suppressed`,
    ...(left > 0 ? [`- ${left} left for the next look`] : []),
    ...(missed > 0 ? [`- **${missed} deleted before they were counted**`] : []),
  ].join('\n')
