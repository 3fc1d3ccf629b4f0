import type { ComputedDay, PublishedDay } from '../activities/kpi/kpi-contract.js'
import type { ReconciledDay } from '../activities/reconcile/reconcile-activities.js'
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
  dailyKpi: {
    type: 'dailyKpi',
    taskQueue: TASK_QUEUES.batch,
    scheduleId: 'daily-kpi',
    workflowId: (day: UtcDay) => `daily-kpi:${day}`,
  },
  backfillKpi: {
    type: 'backfillKpi',
    taskQueue: TASK_QUEUES.batch,
    workflowId: (from: string, to: string) => `backfill-kpi:${from}:${to}`,
  },
  reconcile: {
    type: 'reconcile',
    taskQueue: TASK_QUEUES.batch,
    scheduleId: 'reconcile',
    workflowId: (day: UtcDay) => `reconcile:${day}`,
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

export interface DailyKpiInput {
  /** YYYY-MM-DD. Without it, the day before the one that the schedule was due on. */
  readonly day?: string
  /** How long to wait for the archive to have all of the day. */
  readonly archiveWaitMs: number
}

export interface DailyKpiResult {
  readonly day: UtcDay
  readonly computed: ComputedDay
  readonly published: PublishedDay
}

export interface BackfillKpiInput {
  /** The first and the last day, YYYY-MM-DD. */
  readonly from: string
  readonly to: string
  /** Days that are under way at once, 1 to 8. @default 2 */
  readonly parallel?: number
  /** Also days whose figures are up to date. @default false */
  readonly all?: boolean
  /** How long each day may wait for the archive. */
  readonly archiveWaitMs: number
}

/** What became of a day of a backfill. */
export interface BackfilledDay {
  readonly day: UtcDay
  readonly state: 'waiting' | 'published' | 'up_to_date' | 'failed'
  /** Why it failed. */
  readonly reason?: string
}

export interface BackfillKpiResult {
  readonly days: readonly BackfilledDay[]
  readonly failed: number
}

export interface ReconcileInput {
  /** YYYY-MM-DD. Without it, the day before the one that the schedule was due on. */
  readonly day?: string
  /** How long to wait for the archive, and for the detector. */
  readonly archiveWaitMs: number
}

export interface ReconcileResult extends ReconciledDay {
  readonly day: UtcDay
}
