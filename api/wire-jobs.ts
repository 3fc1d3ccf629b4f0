import {
  ScheduleNotFoundError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type ScheduleHandle,
  type ScheduleSummary,
} from '@temporalio/client'
import { readDayState } from '../db/read-models/kpi-inputs.js'
import type { Database } from '../db/pool.js'
import { recordChange } from '../db/stores/audit.js'
import { parseTimeZone } from '../domain/shop-day.js'
import type { ChangeBy } from '../domain/access/change-by.js'
import type { CircuitBreaker } from '../platform/resilience/circuit-breaker.js'
import { JOB_STATUSES, type Schedule } from '../schemas/rest/jobs.js'
import { WORKFLOWS, type BackfillKpiInput, type DailyKpiInput, type DlqReplayInput } from '../workflows/contract.js'
import type { ApiConfig } from './api-config.js'
import { askUntil, temporalAsker } from './wire-temporal.js'
import type { JobDeps, JobState, StartedJob } from './routes/jobs.js'

interface Parts {
  readonly db: Database
  readonly temporal: Client
  readonly breaker: CircuitBreaker
}

type JobConfig = Pick<ApiConfig, 'API_QUERY_TIMEOUT_MS' | 'KPI_ARCHIVE_WAIT_MS' | 'KPI_TIME_ZONE'>

/** How long a run may take to say how far it is; its worker may be away. */
const PROGRESS_TIMEOUT_MS = 1_000

/** What is started, and how the audit log calls it. */
interface Start {
  readonly type: string
  readonly taskQueue: string
  readonly workflowId: string
  readonly input: object
  readonly action: string
  readonly summary: string
}

/** Work in Temporal, through its circuit. */
export function wireJobs(config: JobConfig, { db, temporal: client, breaker }: Parts): JobDeps {
  const archiveWaitMs = config.KPI_ARCHIVE_WAIT_MS
  const asker = temporalAsker(client, breaker, config.API_QUERY_TIMEOUT_MS)
  const start = async ({ type, taskQueue, workflowId, input, action, summary }: Start, by: ChangeBy) => {
    await recordChange(db, { ...by, action, target: `workflow/${workflowId}`, before: null, after: input })
    const ask = asker()
    const { firstExecutionRunId: runId } = await ask(() =>
      client.workflow.start(type, {
        ...{ taskQueue, workflowId, args: [input], staticSummary: summary },
        ...{ workflowIdConflictPolicy: 'USE_EXISTING' as const, workflowRunTimeout: '12 hours' as const },
      }),
    )
    const state = await ask(() => stateOf(client, workflowId, runId))
    return { runId, state: state ?? JUST_STARTED() } satisfies StartedJob
  }
  return {
    dayState: (day) => readDayState(db, day, parseTimeZone(config.KPI_TIME_ZONE)),
    jobs: {
      startBackfill: ({ from, to, all, parallel }, by) => {
        const { type, taskQueue, workflowId } = WORKFLOWS.backfillKpi
        const input: BackfillKpiInput = { from, to, all, parallel, archiveWaitMs }
        const summary = `The figures of ${from} to ${to}`
        return start(
          { type, taskQueue, workflowId: workflowId(from, to), input, action: 'backfill.start', summary },
          by,
        )
      },
      startDay: (day, by) => {
        const { type, taskQueue, workflowId } = WORKFLOWS.dailyKpi
        const input: DailyKpiInput = { day, archiveWaitMs }
        const summary = `The figures of ${day}`
        return start({ type, taskQueue, workflowId: workflowId(day), input, action: 'daily_kpi.start', summary }, by)
      },
      startReplay: (input: DlqReplayInput, by) => {
        const { type, taskQueue, workflowId } = WORKFLOWS.dlqReplay
        const summary = input.isDryRun ? 'Dry run of a replay of dead letters' : 'Sends dead letters back'
        return start(
          { type, taskQueue, workflowId: workflowId(input.replayId), input, action: 'dlq.replay', summary },
          by,
        )
      },
      backfill: async (from, to, runId) => {
        const workflowId = WORKFLOWS.backfillKpi.workflowId(from, to)
        const state = await asker()(() => stateOf(client, workflowId, runId))
        return state?.status === 'running' ? { ...state, progress: await progressOf(client, workflowId, runId) } : state
      },
      day: (day, runId) => asker()(() => stateOf(client, WORKFLOWS.dailyKpi.workflowId(day), runId)),
      replay: (replayId) => asker()(() => stateOf(client, WORKFLOWS.dlqReplay.workflowId(replayId))),
      schedules: () => asker()(() => listSchedules(client)),
      changeSchedule: async (id, change, note, by) => {
        const handle = client.schedule.getHandle(id)
        const ask = asker()
        const before = await ask(() => scheduleOf(handle))
        if (before === undefined) return undefined
        const after = { change, note }
        await recordChange(db, { ...by, action: `schedule.${change}`, target: `schedule/${id}`, before, after })
        return ask(async () => {
          if (change === 'trigger') await handle.trigger()
          else await (change === 'pause' ? handle.pause(note) : handle.unpause(note))
          return scheduleOf(handle)
        })
      },
    },
  }
}

const JUST_STARTED = (): JobState => ({
  ...{ status: 'running', started_ts: new Date().toISOString(), ended_ts: null, progress: null, result: null },
  reason: null,
})

/** Another word for a run than ours is one that has gone on as another. */
const statusOf = (name: string): JobState['status'] =>
  JOB_STATUSES.find((status) => status === name.toLowerCase()) ?? 'running'

/** @returns undefined when there is no such run */
async function stateOf(client: Client, workflowId: string, runId?: string): Promise<JobState | undefined> {
  const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false })
  try {
    const { status, startTime, closeTime } = await handle.describe()
    const state: JobState = {
      ...{ status: statusOf(status.name), started_ts: startTime.toISOString() },
      ...{ ended_ts: closeTime?.toISOString() ?? null, progress: null, result: null, reason: null },
    }
    if (state.status === 'completed') return { ...state, result: await handle.result() }
    if (state.status === 'failed') return { ...state, reason: await reasonOf(handle.result()) }
    return state
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined
    throw error
  }
}

/** What a failed run has failed of: the innermost cause. */
async function reasonOf(result: Promise<unknown>): Promise<string | null> {
  try {
    await result
    return null
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error
    let at: Error = error
    while (at.cause instanceof Error) at = at.cause
    return at.message.slice(0, 500)
  }
}

/** Its worker answers, which may be away: then nobody can tell how far it is. */
const progressOf = (client: Client, workflowId: string, runId: string): Promise<unknown> =>
  askUntil(client, Date.now() + PROGRESS_TIMEOUT_MS, () =>
    client.workflow.getHandle(workflowId, runId).query('progress'),
  ).catch(() => null)

/** A list tells less of a schedule than its description, and this of both. */
const rowOf = (
  id: string,
  workflowType: string | null,
  { paused, note }: ScheduleSummary['state'],
  { nextActionTimes, recentActions }: ScheduleSummary['info'],
): Schedule => ({
  ...{ id, workflow_type: workflowType, paused, note: note ?? null },
  next_ts: paused ? null : (nextActionTimes[0]?.toISOString() ?? null),
  last_ts: recentActions.at(-1)?.takenAt.toISOString() ?? null,
})

async function listSchedules(client: Client): Promise<Schedule[]> {
  const found: Schedule[] = []
  for await (const { scheduleId, state, info, action } of client.schedule.list())
    found.push(rowOf(scheduleId, action?.workflowType ?? null, state, info))
  return found.sort((a, b) => (a.id < b.id ? -1 : 1))
}

async function scheduleOf(handle: ScheduleHandle): Promise<Schedule | undefined> {
  try {
    const { scheduleId, state, info, action } = await handle.describe()
    return rowOf(scheduleId, action.workflowType, state, info)
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined
    throw error
  }
}
