import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common'
import { patched, proxyActivities, setCurrentDetails } from '@temporalio/workflow'
import type { DroppedDay, PartitionActivities } from '../activities/partitions/partition-activities.js'
import type { HeldDay } from '../domain/partition-planning/held-day.js'
import { planPartitions, type PartitionPlan } from '../domain/partition-planning/plan-partitions.js'
import type { UtcDay } from '../domain/utc-day.js'
import type { PartitionMaintenanceInput, PartitionMaintenanceResult } from './contract.js'
import { decide } from './decide.js'
import { recordedRun } from './recorded-run.js'
import { scheduledDay } from './scheduled-day.js'

const { listPartitionDays, ensurePartition, listExpiredDays } = proxyActivities<PartitionActivities>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 hour',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    maximumAttempts: 60, // a lock that a long reader holds is waited for by trying again, never by queueing behind it
  },
})

const { dropDay } = proxyActivities<PartitionActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '15 minutes', // the next night tries again
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    maximumAttempts: 30,
  },
})

/** Days that one run looks at for dropping; the next night goes on with those that are left. */
const DAYS_PER_RUN = 100

/**
 * Today and the days ahead have a partition of `anomaly_sessions`; days past their retention are dropped, each once its
 * clicks are archived. A day that may not be dropped yet is held, and the result says why.
 */
export async function partitionMaintenance(input: PartitionMaintenanceInput): Promise<PartitionMaintenanceResult> {
  const day = scheduledDay(input.day)
  setCurrentDetails(`Looking at the partitions, for ${day}`)
  return recordedRun({ day, daysAhead: input.daysAhead, retentionDays: input.retentionDays }, async () => {
    const existing = await listPartitionDays()
    const plan = decide(() => planPartitions(day, existing, input))
    const created: UtcDay[] = []
    for (const missing of plan.create) if ((await ensurePartition({ day: missing })).created) created.push(missing)
    const result = { day, created, ...(await dropExpired(plan)) }
    setCurrentDetails(describe(result, input.retentionDays))
    return result
  })
}

/** Runs that began before days were dropped go on as they began: they hold every expired day. */
async function dropExpired(plan: PartitionPlan): Promise<Pick<PartitionMaintenanceResult, 'dropped' | 'held'>> {
  if (!patched('expired-days-are-dropped'))
    return { dropped: [], held: plan.expired.map((day) => ({ day, reason: 'not_archived' })) }
  const dropped: UtcDay[] = []
  const held: HeldDay[] = []
  const days = await listExpiredDays({ before: plan.oldestKept })
  let isLocked = false
  for (const day of days.slice(0, DAYS_PER_RUN)) {
    setCurrentDetails(`Dropping ${day}`)
    const outcome: DroppedDay = isLocked ? LOCKED : await dropDay({ day, oldestKept: plan.oldestKept }).catch(lockedBy)
    // PostgreSQL detaches one partition at a time: what keeps this one keeps all after it.
    isLocked ||= outcome === LOCKED
    if (outcome.state === 'dropped') dropped.push(day)
    if (outcome.state === 'held') held.push({ day, reason: outcome.reason })
  }
  return { dropped, held }
}

const LOCKED: DroppedDay = { state: 'held', reason: 'locked' }

/** A transaction that goes on for a quarter of an hour keeps its day, and does not fail the run. */
function lockedBy(error: unknown): DroppedDay {
  for (let at = error; at instanceof ActivityFailure || at instanceof TimeoutFailure; at = at.cause)
    if (at.cause instanceof ApplicationFailure && at.cause.type === 'GRD_STORE_CONFLICT') return LOCKED
  throw error
}

function describe({ day, created, dropped, held }: PartitionMaintenanceResult, retentionDays: number): string {
  const kept = held.map((one) => `${one.day} (${one.reason.replaceAll('_', ' ')})`)
  const lines = [
    created.length === 0 ? 'All partitions were there.' : `Created ${created.join(', ')}.`,
    ...(dropped.length === 0 ? [] : [`Dropped ${dropped.join(', ')}.`]),
    ...(kept.length === 0 ? [] : [`Held, not dropped: ${kept.join(', ')}.`]),
    ...(dropped.length + kept.length === 0 ? [`No day is older than ${retentionDays} days.`] : []),
  ]
  return `**${day}**\n\n${lines.map((line) => `- ${line}`).join('\n')}`
}
