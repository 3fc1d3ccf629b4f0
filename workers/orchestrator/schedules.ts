import { isDeepStrictEqual } from 'node:util'
import {
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  type ScheduleClient,
  type ScheduleDescription,
  type ScheduleUpdateOptions,
} from '@temporalio/client'
import type { Logger } from '../../platform/logger.js'
import {
  WORKFLOWS,
  type DailyKpiInput,
  type PartitionMaintenanceInput,
  type ReconcileInput,
  type TaskQueue,
} from '../../workflows/contract.js'

/** A workflow that is started once a day. */
export interface DailySchedule {
  readonly id: string
  /** UTC. */
  readonly hour: number
  readonly minute: number
  /** A start that was due while Temporal was away is made up for, if it was due no longer ago than this. */
  readonly catchupWindowMs: number
  readonly workflowType: string
  readonly taskQueue: TaskQueue
  readonly input: object
  /** One line for the list of workflows in the Web UI. */
  readonly summary: string
  /** Runs once as soon as it is made. */
  readonly runsAtOnce: boolean
}

export interface SchedulePolicy {
  readonly daysAhead: number
  readonly retentionDays: number
  /** How long the figures of a day wait for its archive. */
  readonly archiveWaitMs: number
}

const HOUR_MS = 3_600_000

/** Every schedule of the system. */
export const declaredSchedules = ({
  daysAhead,
  retentionDays,
  archiveWaitMs,
}: SchedulePolicy): readonly DailySchedule[] => [
  {
    id: WORKFLOWS.partitionMaintenance.scheduleId,
    hour: 0,
    minute: 10,
    catchupWindowMs: 24 * HOUR_MS,
    workflowType: WORKFLOWS.partitionMaintenance.type,
    taskQueue: WORKFLOWS.partitionMaintenance.taskQueue,
    input: { daysAhead, retentionDays } satisfies PartitionMaintenanceInput,
    summary: 'The next days of anomaly_sessions have a partition; expired days are told of',
    runsAtOnce: true,
  },
  {
    id: WORKFLOWS.dailyKpi.scheduleId,
    hour: 0,
    minute: 30,
    catchupWindowMs: 24 * HOUR_MS,
    workflowType: WORKFLOWS.dailyKpi.type,
    taskQueue: WORKFLOWS.dailyKpi.taskQueue,
    input: { archiveWaitMs } satisfies DailyKpiInput,
    summary: 'The figures of the day before: metrics, popular items, funnel',
    runsAtOnce: false,
  },
  {
    id: WORKFLOWS.reconcile.scheduleId,
    hour: 1,
    minute: 30,
    catchupWindowMs: 24 * HOUR_MS,
    workflowType: WORKFLOWS.reconcile.type,
    taskQueue: WORKFLOWS.reconcile.taskQueue,
    input: { archiveWaitMs } satisfies ReconcileInput,
    summary: 'The anomalies of the day before, held against those that the archive gives',
    runsAtOnce: false,
  },
]

export type ScheduleOutcome = 'created' | 'updated' | 'unchanged'

/**
 * Makes the schedules what they are declared to be. A new one may run once at once, so that a fresh system does not wait
 * for midnight; one that differs is updated, and stays paused if it was. May be repeated, also at the same time.
 */
export async function ensureSchedules(
  client: ScheduleClient,
  declared: readonly DailySchedule[],
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

async function ensureSchedule(client: ScheduleClient, schedule: DailySchedule): Promise<ScheduleOutcome> {
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

/** Temporal appends the time that was due to `workflowId`: `partition-maintenance-2026-10-01T00:10:00Z`. */
const definition = (schedule: DailySchedule): Omit<ScheduleUpdateOptions, 'state'> => ({
  spec: { calendars: [{ hour: schedule.hour, minute: schedule.minute }], timezone: 'UTC' },
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

function isAsDeclared({ spec, policies, action }: ScheduleDescription, schedule: DailySchedule): boolean {
  const { calendars = [], intervals = [], skip = [], timezone } = spec
  const [calendar] = calendars
  return (
    calendars.length === 1 &&
    intervals.length + skip.length === 0 &&
    (timezone ?? 'UTC') === 'UTC' &&
    isOnly(calendar?.hour, schedule.hour) &&
    isOnly(calendar?.minute, schedule.minute) &&
    isOnly(calendar?.second, 0) &&
    policies.overlap === ScheduleOverlapPolicy.SKIP &&
    policies.catchupWindow === schedule.catchupWindowMs &&
    action.workflowType === schedule.workflowType &&
    action.workflowId === schedule.id &&
    action.taskQueue === schedule.taskQueue &&
    action.staticSummary === schedule.summary &&
    isDeepStrictEqual(action.args, [schedule.input])
  )
}

const isOnly = (ranges: readonly { start: number; end: number }[] | undefined, value: number): boolean =>
  ranges?.length === 1 && ranges[0]?.start === value && ranges[0].end === value
