import type { HeldDay, PartitionPolicy } from '../domain/partition-planning/plan-partitions.js'
import type { UtcDay } from '../domain/utc-day.js'

/**
 * One task queue per kind of work, so that none waits behind another: `batch` computes for minutes, `alerts` must be
 * quick, `ops` is housekeeping.
 */
export const TASK_QUEUES = { batch: 'batch', alerts: 'alerts', ops: 'ops' } as const
export type TaskQueue = (typeof TASK_QUEUES)[keyof typeof TASK_QUEUES]

/**
 * Every workflow: its type, where it runs, and the id that a run for a day has. A run that a schedule starts has the
 * schedule's id with the time it was due for, `partition-maintenance-2026-10-01T00:10:00Z`: Temporal appends that.
 */
export const WORKFLOWS = {
  partitionMaintenance: {
    type: 'partitionMaintenance',
    taskQueue: TASK_QUEUES.ops,
    scheduleId: 'partition-maintenance',
    workflowId: (day: UtcDay) => `partition-maintenance:${day}`,
  },
} as const

export interface PartitionMaintenanceInput extends PartitionPolicy {
  /** YYYY-MM-DD. Without it, the day of the time that the schedule was due for. */
  readonly day?: string
}

export interface PartitionMaintenanceResult {
  readonly day: UtcDay
  /** Days that this run made a partition for. */
  readonly created: readonly UtcDay[]
  /** Days past their retention that are still there, and why. Nothing is dropped. */
  readonly held: readonly HeldDay[]
}
