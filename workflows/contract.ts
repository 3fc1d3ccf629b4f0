import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import type { ComputedDay, PublishedDay } from '../activities/kpi/kpi-contract.js'
import type { ReconciledDay } from '../activities/reconcile/reconcile-activities.js'
import type { Channel } from '../domain/alerting/channel.js'
import type { Thresholds, WatchedSource } from '../domain/alerting/observation.js'
import type { LagLimits } from '../domain/alerting/kinds/lag.js'
import type { DeadLetterFilter, ReplayFates, ReplayOutcome } from '../domain/dead-letters/replay.js'
import type { HeldDay } from '../domain/partition-planning/held-day.js'
import type { PartitionPolicy } from '../domain/partition-planning/plan-partitions.js'
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
  compactArchive: {
    type: 'compactArchive',
    taskQueue: TASK_QUEUES.batch,
    scheduleId: 'compact-archive',
    workflowId: (day: UtcDay) => `compact-archive:${day}`,
  },
  dlqAlert: {
    type: 'dlqAlert',
    taskQueue: TASK_QUEUES.alerts,
    scheduleId: 'dlq-alert',
  },
  alertWatch: {
    type: 'alertWatch',
    taskQueue: TASK_QUEUES.alerts,
    scheduleId: 'alert-watch',
  },
  dlqReplay: {
    type: 'dlqReplay',
    taskQueue: TASK_QUEUES.ops,
    workflowId: (replayId: string) => `dlq-replay:${replayId}`,
  },
  backTest: {
    type: 'backTest',
    taskQueue: TASK_QUEUES.batch,
    workflowId: (backTestId: string) => `back-test:${backTestId}`,
  },
  deliverAlert: {
    type: 'deliverAlert',
    taskQueue: TASK_QUEUES.alerts,
    workflowId: (alertId: string) => `deliver-alert:${alertId}`,
  },
} as const

/** What runs can be found by. Few, and nothing personal. */
export const SEARCH_ATTRIBUTES = {
  /** The day that a run is for, as YYYY-MM-DD. */
  day: defineSearchAttributeKey('GuardianDay', SearchAttributeType.KEYWORD),
  /** What began it. */
  trigger: defineSearchAttributeKey('GuardianTrigger', SearchAttributeType.KEYWORD),
} as const
export type RunTrigger = 'schedule' | 'request' | 'workflow'

export interface DlqAlertInput {
  /** Dead letters of one cause in one look. */
  readonly thresholds: Thresholds
  /** Dead letters that one look counts at most; the next one goes on from there. */
  readonly maxRecords: number
}

/** What a look has come to. */
export interface LookResult {
  /** Alerts whose delivery was begun. */
  readonly sent: readonly string[]
  readonly suppressed: number
}

export interface DlqAlertResult extends LookResult {
  readonly counted: number
  readonly left: number
  readonly missed: number
}

export interface AlertWatchInput {
  /** What is asked; runs that were begun without it ask those that there were then. */
  readonly sources?: readonly WatchedSource[]
  /** Of the detector. */
  readonly lag: LagLimits
  /** Of the archiver; runs that were begun without it do not watch it. */
  readonly archiveLag?: LagLimits
  /** Sessions flagged by one rule in a minute. */
  readonly burst: Thresholds
}

export interface AlertWatchResult extends LookResult {
  /** Sources that did not answer. */
  readonly unreadable: readonly string[]
}

export interface DlqReplayInput {
  /** The same replay does nothing twice. */
  readonly replayId: string
  readonly filter: DeadLetterFilter
  readonly isDryRun: boolean
  /** Sent back in a second at most. */
  readonly recordsPerSecond: number
  /** A dead letter that was replayed so often is parked. */
  readonly maxAttempts: number
  /** How long to wait for what the detector does with them; runs that were begun without it do not ask. */
  readonly outcomeWaitMs?: number
}

export interface DlqReplayResult {
  readonly selected: number
  readonly outcomes: Readonly<Record<ReplayOutcome, number>>
  /** Why dead letters are unfit, by code. */
  readonly faults: Readonly<Record<string, number>>
  /** What the detector has done with those that were sent back; absent in a dry run, and when nothing was sent. */
  readonly fates?: ReplayFates
}

export interface BackTestInput {
  readonly backTestId: string
}

/** How far a back-test is. */
export interface BackTestProgress {
  /** Partitions of the clicks. */
  readonly parts: number
  readonly tested: number
  /** Read in those that were tested. */
  readonly records: number
}

export interface DeliverAlertInput {
  readonly alertId: string
  /** A channel that no delivery is owed on answers so. */
  readonly channels: readonly Channel[]
}

export type DeliverAlertResult = Readonly<Partial<Record<Channel, 'sent' | 'failed' | 'not_owed'>>>

export interface PartitionMaintenanceInput extends PartitionPolicy {
  /** YYYY-MM-DD. Without it, the day of the time that the schedule was due for. */
  readonly day?: string
}

export interface PartitionMaintenanceResult {
  readonly day: UtcDay
  /** Days that this run made a partition for. */
  readonly created: readonly UtcDay[]
  /** Days past their retention that this run dropped. */
  readonly dropped: readonly UtcDay[]
  /** Days past their retention that are still there, and why. */
  readonly held: readonly HeldDay[]
}

export interface DailyKpiInput {
  /** YYYY-MM-DD. Without it, the day before the one that the schedule was due on. */
  readonly day?: string
  /** How long to wait for the archive to have all of the day. */
  readonly archiveWaitMs: number
  /** Of the shop, for a run without a day. @default UTC */
  readonly timeZone?: string
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

export interface CompactArchiveInput {
  /** YYYY-MM-DD, the last day that is looked at. Without it, the day before the one that the schedule was due on. */
  readonly day?: string
  /** Days that one run looks at, clicks and purchases counted apart; the next one goes on with those that are left. */
  readonly maxDays: number
}

export interface CompactArchiveResult {
  readonly day: UtcDay
  /** Days whose files were put together. */
  readonly days: number
  /** Files whose rows are in larger ones now. */
  readonly merged: number
  /** The larger ones. */
  readonly written: number
  readonly rows: number
  readonly bytes: number
  /** Files that earlier runs had put together and that are gone now. */
  readonly removed: number
}
