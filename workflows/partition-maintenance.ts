import { proxyActivities, setCurrentDetails } from '@temporalio/workflow'
import type { PartitionActivities } from '../activities/partitions/partition-activities.js'
import { planPartitions } from '../domain/partition-planning/plan-partitions.js'
import type { UtcDay } from '../domain/utc-day.js'
import type { PartitionMaintenanceInput, PartitionMaintenanceResult } from './contract.js'
import { decide } from './decide.js'
import { recordedRun } from './recorded-run.js'
import { scheduledDay } from './scheduled-day.js'

const { listPartitionDays, ensurePartition } = proxyActivities<PartitionActivities>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 hour',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    maximumAttempts: 60, // a lock that a long reader holds is waited for by trying again, never by queueing behind it
    nonRetryableErrorTypes: ['GRD_BAD_INPUT', 'GRD_STORE_REFUSED', 'GRD_MIGRATION'],
  },
})

/**
 * Today and the days ahead have a partition of `anomaly_sessions`; days past their retention are told of. A day may
 * only be dropped once it is archived: until then it is held, and nothing is dropped.
 */
export async function partitionMaintenance(input: PartitionMaintenanceInput): Promise<PartitionMaintenanceResult> {
  const day = scheduledDay(input.day)
  setCurrentDetails(`Looking at the partitions, for ${day}`)
  return recordedRun({ day, daysAhead: input.daysAhead, retentionDays: input.retentionDays }, async () => {
    const existing = await listPartitionDays()
    const plan = decide(() => planPartitions(day, existing, input))
    const created: UtcDay[] = []
    for (const missing of plan.create) if ((await ensurePartition({ day: missing })).created) created.push(missing)
    const result = { day, created, held: plan.held }
    setCurrentDetails(describe(result, input.retentionDays))
    return result
  })
}

function describe({ day, created, held }: PartitionMaintenanceResult, retentionDays: number): string {
  const made = created.length === 0 ? 'All partitions were there' : `Created ${created.join(', ')}`
  const old =
    held.length === 0
      ? `No day is older than ${retentionDays} days`
      : `Held, not dropped, because not archived: ${held.map((one) => one.day).join(', ')}`
  return `**${day}**\n\n- ${made}.\n- ${old}.`
}
