import { ApplicationFailure } from '@temporalio/common'
import { proxyActivities, setCurrentDetails } from '@temporalio/workflow'
import type { KpiActivities } from '../activities/kpi/kpi-activities.js'
import type { ReconcileActivities } from '../activities/reconcile/reconcile-activities.js'
import type { ErrorCode } from '../domain/errors.js'
import { addDays } from '../domain/utc-day.js'
import type { ReconcileInput, ReconcileResult } from './contract.js'
import { recordedRun } from './recorded-run.js'
import { scheduledDay } from './scheduled-day.js'

const retry = { initialInterval: '1 second', maximumInterval: '1 minute' } as const

const { readLogEnds } = proxyActivities<KpiActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 hour',
  retry,
})
const { awaitArchive, awaitDetector } = proxyActivities<KpiActivities & ReconcileActivities>({
  startToCloseTimeout: '1 minute', // of one attempt: Temporal retries until the time of waiting is over
  heartbeatTimeout: '30 seconds',
  retry,
})
const { reconcileDay } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '30 seconds',
  retry: { ...retry, maximumAttempts: 5 },
})

/**
 * Holds the anomalies of a day against those that the archive gives. None may differ: a run that finds a difference fails,
 * with what it found in its row and in `reconciliation_differences`. Without a day it is for the day before the one that
 * the schedule was due on.
 */
export async function reconcile(input: ReconcileInput): Promise<ReconcileResult> {
  const day = input.day === undefined ? addDays(scheduledDay(undefined), -1) : scheduledDay(input.day)
  return recordedRun({ day }, async () => {
    setCurrentDetails(`**${day}**: waiting until archive and detector have all of it`)
    const ends = await readLogEnds({ day })
    await awaitArchive({ ends, waitMs: input.archiveWaitMs })
    await awaitDetector({ ends, waitMs: input.archiveWaitMs })
    setCurrentDetails(`**${day}**: comparing`)
    const found = await reconcileDay({ day })
    const { missing, extra, different } = found
    const counts = `${missing} missing, ${extra} extra, ${different} different`
    setCurrentDetails(`**${day}**: ${found.expected} expected, ${found.stored} stored: ${counts}`)
    if (missing + extra + different > 0)
      throw ApplicationFailure.nonRetryable(
        `of ${found.expected} anomalies of ${day} that the archive gives, ${counts}: see /reconciliations/${day}/differences`,
        'GRD_RECONCILIATION' satisfies ErrorCode,
      )
    return { day, ...found }
  })
}
