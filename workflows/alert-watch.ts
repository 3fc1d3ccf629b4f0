import { ActivityFailure } from '@temporalio/common'
import { isCancellation, patched, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import type { WatchActivities, Watched } from '../activities/alerts/watch-activities.js'
import type { WatchedSource } from '../domain/alerting/observation.js'
import { beginDeliveries } from './begin-deliveries.js'
import type { AlertWatchInput, AlertWatchResult } from './contract.js'

const { watchSource } = proxyActivities<WatchActivities>({
  startToCloseTimeout: '20 seconds',
  scheduleToCloseTimeout: '45 seconds', // a source that is away holds the others up no longer than to the next look
  retry: { initialInterval: '1 second', maximumAttempts: 3 },
})
const { decideWatch } = proxyActivities<WatchActivities>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '15 minutes',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '30 seconds',
  },
})

/** What runs ask whose input does not name the sources. */
const UNNAMED: readonly WatchedSource[] = ['data-gaps', 'detector-lag', 'schedules', 'pipeline-runs', 'anomaly-burst']

/** Asks every source whether something needs people, and has told whom it concerns. One that fails is told of, too. */
export async function alertWatch(limits: AlertWatchInput): Promise<AlertWatchResult> {
  const { workflowId, runId, startTime } = workflowInfo()
  const at = startTime.toISOString()
  const sources = limits.sources ?? [
    ...UNNAMED,
    ...(patched('reconciliation-is-watched') ? (['reconciliation'] as const) : []),
    ...(limits.archiveLag === undefined ? [] : (['archiver-lag'] as const)),
  ]
  const asked = await Promise.all(sources.map((source) => ask(source, at, limits)))
  const answered = asked.filter((one) => typeof one !== 'string')
  const unreadable = asked.filter((one) => typeof one === 'string')
  const decided = await decideWatch({ lookId: `${workflowId}/${runId}`, at, answered, unreadable })
  await beginDeliveries(decided.sent, at)
  setCurrentDetails(
    [
      `- ${answered.length} of ${sources.length} sources answered${unreadable.length > 0 ? `, not ${unreadable.join(', ')}` : ''}`,
      `- ${decided.sent.length} alerts sent, ${decided.suppressed} suppressed`,
    ].join('\n'),
  )
  return { ...decided, unreadable }
}

/** @returns the source's name when it cannot be read */
async function ask(source: WatchedSource, at: string, limits: AlertWatchInput): Promise<Watched | WatchedSource> {
  try {
    return await watchSource({ source, at, limits })
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error
    return source
  }
}
