import { isDeepStrictEqual } from 'node:util'
import {
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  type ScheduleClient,
  type ScheduleDescription,
  type ScheduleUpdateOptions,
} from '@temporalio/client'
import { UTC, type TimeZone } from '../../domain/shop-day.js'
import type { Logger } from '../../platform/logger.js'
import {
  WORKFLOWS,
  type AlertWatchInput,
  type CompactArchiveInput,
  type DailyKpiInput,
  type DlqAlertInput,
  type PartitionMaintenanceInput,
  type ReconcileInput,
  type TaskQueue,
} from '../../workflows/contract.js'

/** When a schedule starts its workflow. */
export type ScheduleTime =
  /** Each day; UTC without a time zone. */
  | { readonly hour: number; readonly minute: number; readonly timeZone?: TimeZone }
  /** Counted from the epoch. */
  | { readonly everyMs: number }

/** A workflow that is started again and again. */
export interface DeclaredSchedule {
  readonly id: string
  readonly at: ScheduleTime
  /** A start that was due while Temporal was away is made up for, if it was due no longer ago than this. */
  readonly catchupWindowMs: number
  readonly workflowType: string
  readonly taskQueue: TaskQueue
  readonly input: object
  /** One line for the list of workflows in the Web UI. */
  readonly summary: string
  /** Runs once as soon as it is made. */
  readonly runsAtOnce: boolean
  /** What makes up for days that it missed, given `--from` and `--to`. */
  readonly backfillCommand?: string
  /** Each run is for a day of its own, and there is no command that makes up for it but Temporal's. */
  readonly eachRunCounts?: boolean
}

export interface SchedulePolicy {
  readonly daysAhead: number
  readonly retentionDays: number
  /** Of the shop, whose day before the figures are of. */
  readonly timeZone: TimeZone
  /** At which hour after midnight in it they are computed. */
  readonly kpiHour: number
  /** How long the figures of a day wait for its archive. */
  readonly archiveWaitMs: number
  readonly compaction: CompactArchiveInput
  readonly deadLetters: DlqAlertInput
  readonly watch: AlertWatchInput
}

/** Past the hour. */
export const KPI_MINUTE = 30
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** Every schedule of the system. */
export const declaredSchedules = (policy: SchedulePolicy): readonly DeclaredSchedule[] => [
  ...dailySchedules(policy),
  ...minutelySchedules(policy),
]

const dailySchedules = ({
  daysAhead,
  retentionDays,
  archiveWaitMs,
  compaction,
  timeZone,
  kpiHour,
}: SchedulePolicy): readonly DeclaredSchedule[] => [
  {
    id: WORKFLOWS.partitionMaintenance.scheduleId,
    at: { hour: 0, minute: 10 },
    catchupWindowMs: 24 * HOUR_MS,
    workflowType: WORKFLOWS.partitionMaintenance.type,
    taskQueue: WORKFLOWS.partitionMaintenance.taskQueue,
    input: { daysAhead, retentionDays } satisfies PartitionMaintenanceInput,
    summary: 'The next days of anomaly_sessions have a partition; expired days are dropped',
    runsAtOnce: true,
  },
  {
    id: WORKFLOWS.dailyKpi.scheduleId,
    at: { hour: kpiHour, minute: KPI_MINUTE, timeZone },
    catchupWindowMs: 24 * HOUR_MS,
    workflowType: WORKFLOWS.dailyKpi.type,
    taskQueue: WORKFLOWS.dailyKpi.taskQueue,
    input: { archiveWaitMs, ...(timeZone === UTC ? {} : { timeZone }) } satisfies DailyKpiInput,
    summary: 'The figures of the day before: metrics, popular items, funnel',
    runsAtOnce: false,
    backfillCommand: 'guardian kpi backfill',
  },
  {
    id: WORKFLOWS.reconcile.scheduleId,
    at: { hour: 1, minute: 30 },
    catchupWindowMs: 24 * HOUR_MS,
    workflowType: WORKFLOWS.reconcile.type,
    taskQueue: WORKFLOWS.reconcile.taskQueue,
    input: { archiveWaitMs } satisfies ReconcileInput,
    summary: 'The anomalies of the day before, held against those that the archive gives',
    runsAtOnce: false,
    eachRunCounts: true,
  },
  {
    id: WORKFLOWS.compactArchive.scheduleId,
    at: { hour: 2, minute: 30 }, // after those that read the day before
    catchupWindowMs: 24 * HOUR_MS,
    workflowType: WORKFLOWS.compactArchive.type,
    taskQueue: WORKFLOWS.compactArchive.taskQueue,
    input: compaction,
    summary: 'Small files of the archive are put together; those put together long ago are removed',
    runsAtOnce: false,
  },
]

const minutelySchedules = ({ deadLetters, watch }: SchedulePolicy): readonly DeclaredSchedule[] => [
  {
    id: WORKFLOWS.dlqAlert.scheduleId,
    at: { everyMs: MINUTE_MS },
    catchupWindowMs: MINUTE_MS, // a look counts all since the last one: nothing has to be made up for
    workflowType: WORKFLOWS.dlqAlert.type,
    taskQueue: WORKFLOWS.dlqAlert.taskQueue,
    input: deadLetters,
    summary: 'Dead letters since the last look, by cause, against the thresholds',
    runsAtOnce: true,
  },
  {
    id: WORKFLOWS.alertWatch.scheduleId,
    at: { everyMs: MINUTE_MS },
    catchupWindowMs: MINUTE_MS,
    workflowType: WORKFLOWS.alertWatch.type,
    taskQueue: WORKFLOWS.alertWatch.taskQueue,
    input: watch,
    summary: 'Data gaps, lag, schedules, failed runs, differences, bursts of anomalies',
    runsAtOnce: true,
  },
]

export type ScheduleOutcome = 'created' | 'updated' | 'unchanged'

/**
 * Makes the schedules what they are declared to be. A new one may run once at once, so that a fresh system does not wait
 * for midnight; one that differs is updated, and stays paused if it was. May be repeated, also at the same time.
 */
export async function ensureSchedules(
  client: ScheduleClient,
  declared: readonly DeclaredSchedule[],
  log: Logger,
): Promise<ReadonlyMap<string, ScheduleOutcome>> {
  const outcomes = new Map<string, ScheduleOutcome>()
  for (const schedule of declared) {
    const outcome = await ensureSchedule(client, schedule)
    outcomes.set(schedule.id, outcome)
    log.info({ schedule: schedule.id, outcome }, 'schedule_ensured')
  }
  return outcomes
}

async function ensureSchedule(client: ScheduleClient, schedule: DeclaredSchedule): Promise<ScheduleOutcome> {
  try {
    await client.create({
      scheduleId: schedule.id,
      ...definition(schedule),
      state: { triggerImmediately: schedule.runsAtOnce },
    })
    return 'created'
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error
  }
  const handle = client.getHandle(schedule.id)
  if (isAsDeclared(await handle.describe(), schedule)) return 'unchanged'
  await handle.update(({ state }) => ({
    ...definition(schedule),
    state: { paused: state.paused, ...(state.note === undefined ? {} : { note: state.note }) },
  }))
  return 'updated'
}

const specOf = (at: ScheduleTime): ScheduleUpdateOptions['spec'] =>
  'everyMs' in at
    ? { intervals: [{ every: at.everyMs }], timezone: 'UTC' }
    : { calendars: [{ hour: at.hour, minute: at.minute }], timezone: at.timeZone ?? UTC }

/** Temporal appends the time that was due to `workflowId`: `partition-maintenance-2026-10-01T00:10:00Z`. */
const definition = (schedule: DeclaredSchedule): Omit<ScheduleUpdateOptions, 'state'> => ({
  spec: specOf(schedule.at),
  policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: schedule.catchupWindowMs, pauseOnFailure: false },
  action: {
    type: 'startWorkflow',
    workflowType: schedule.workflowType,
    workflowId: schedule.id,
    taskQueue: schedule.taskQueue,
    args: [schedule.input],
    staticSummary: schedule.summary,
    workflowRunTimeout: '6 hours',
  },
})

function isAsDeclared({ spec, policies, action }: ScheduleDescription, schedule: DeclaredSchedule): boolean {
  return (
    isAt(spec, schedule.at) &&
    policies.overlap === ScheduleOverlapPolicy.SKIP &&
    policies.catchupWindow === schedule.catchupWindowMs &&
    action.workflowType === schedule.workflowType &&
    action.workflowId === schedule.id &&
    action.taskQueue === schedule.taskQueue &&
    action.staticSummary === schedule.summary &&
    isDeepStrictEqual(action.args, [schedule.input])
  )
}

function isAt({ calendars = [], intervals = [], skip = [], timezone }: ScheduleDescription['spec'], at: ScheduleTime) {
  const declaredZone = 'everyMs' in at ? UTC : (at.timeZone ?? UTC)
  if (skip.length > 0 || (timezone ?? UTC) !== declaredZone || calendars.length + intervals.length !== 1) return false
  // An offset of 0 is left out of the answer, whatever its type says.
  if ('everyMs' in at) return intervals[0]?.every === at.everyMs && !intervals[0].offset
  const [calendar] = calendars
  return isOnly(calendar?.hour, at.hour) && isOnly(calendar?.minute, at.minute) && isOnly(calendar?.second, 0)
}

const isOnly = (ranges: readonly { start: number; end: number }[] | undefined, value: number): boolean =>
  ranges?.length === 1 && ranges[0]?.start === value && ranges[0].end === value
