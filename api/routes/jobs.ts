import { randomBytes } from 'node:crypto'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { checkFilter, type DeadLetterFilter } from '../../domain/dead-letters/replay.js'
import { staleReasons, type DayState } from '../../domain/kpi/day-versions.js'
import { planBackfill } from '../../domain/kpi/plan-backfill.js'
import { parseUtcDay, type UtcDay } from '../../domain/utc-day.js'
import type { BackfillPreview, Job, Schedule } from '../../schemas/rest/jobs.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { ProblemError, refuseBadInput } from '../problem-error.js'
import { wholeList } from './page.js'
import { changeBy, type Handlers } from './router.js'

export type JobState = Omit<Job, 'id' | 'kind'>

/** How long a replay waits for what the detector does with what it sent back. */
const OUTCOME_WAIT_MS = 60_000

/** Starts work in Temporal, and tells how it stands. Each start is in the audit log before Temporal is asked. */
export interface JobDesk {
  readonly startBackfill: (
    input: { readonly from: string; readonly to: string; readonly all: boolean; readonly parallel: number },
    by: ChangeBy,
  ) => Promise<StartedJob>
  readonly startDay: (day: UtcDay, by: ChangeBy) => Promise<StartedJob>
  readonly startReplay: (
    input: {
      readonly replayId: string
      readonly filter: DeadLetterFilter
      readonly isDryRun: boolean
      readonly recordsPerSecond: number
      readonly maxAttempts: number
      readonly outcomeWaitMs: number
    },
    by: ChangeBy,
  ) => Promise<StartedJob>
  /** @returns undefined when there is none */
  readonly backfill: (from: string, to: string, runId: string) => Promise<JobState | undefined>
  readonly day: (day: UtcDay, runId: string) => Promise<JobState | undefined>
  readonly replay: (replayId: string) => Promise<JobState | undefined>
  readonly schedules: () => Promise<Schedule[]>
  /** @returns how it stands then; undefined when there is none */
  readonly changeSchedule: (
    id: string,
    change: 'pause' | 'resume' | 'trigger',
    note: string,
    by: ChangeBy,
  ) => Promise<Schedule | undefined>
}

export interface StartedJob {
  readonly runId: string
  readonly state: JobState
}

export interface JobDeps {
  readonly jobs: JobDesk
  readonly dayState: (day: UtcDay) => Promise<DayState>
}

type JobOperation =
  | 'previewBackfill'
  | 'startBackfill'
  | 'getBackfill'
  | 'startDayRun'
  | 'getDayRun'
  | 'startReplay'
  | 'getReplay'
  | 'listSchedules'
  | 'pauseSchedule'
  | 'resumeSchedule'
  | 'triggerSchedule'

/** `/backfills`, `/metrics/daily/{day}/runs`, `/dlq/replays`, `/schedules`. */
export const createJobHandlers = ({ jobs, dayState }: JobDeps): Pick<Handlers<Operations>, JobOperation> => ({
  async previewBackfill({ query }, { requireCaller }) {
    const days: BackfillPreview['days'] = []
    for (const day of refuseBadInput(() => planBackfill(query)).days) {
      requireCaller()
      const state = await dayState(day)
      const { files, archivedRows: rows, published } = state
      days.push({ day, files, rows, is_published: published !== null, why: staleReasons(state) })
    }
    return { body: { days, to_compute: days.filter(({ why }) => why.length > 0).length } satisfies BackfillPreview }
  },

  async startBackfill({ body }, context) {
    refuseBadInput(() => planBackfill(body))
    const { runId, state } = await jobs.startBackfill(body, changeBy(context))
    const id = `${body.from}_${body.to}_${runId}`
    return accepted(`/backfills/${id}`, { id, kind: 'backfill', ...state })
  },

  async getBackfill({ params: { id } }) {
    const [from = '', to = '', runId = ''] = id.split('_')
    return { body: { id, kind: 'backfill', ...found(await jobs.backfill(from, to, runId)) } satisfies Job }
  },

  async startDayRun({ params }, context) {
    const day = refuseBadInput(() => parseUtcDay(params.day))
    const { runId, state } = await jobs.startDay(day, changeBy(context))
    return accepted(`/metrics/daily/${day}/runs/${runId}`, { id: runId, kind: 'daily_kpi', ...state })
  },

  async getDayRun({ params: { day, run_id: id } }) {
    const state = await jobs.day(
      refuseBadInput(() => parseUtcDay(day)),
      id,
    )
    return { body: { id, kind: 'daily_kpi', ...found(state) } satisfies Job }
  },

  async startReplay({ body }, context) {
    const { code, topic, from, to, record } = body
    const filter: DeadLetterFilter = {
      ...(code && { code }),
      ...(topic && { topic }),
      ...(from && { fromMs: from.getTime() }),
      ...(to && { toMs: to.getTime() }),
      ...(record && { record }),
    }
    refuseBadInput(() => checkFilter(filter))
    const id = `${new Date().toISOString().slice(0, 19)}-${randomBytes(3).toString('hex')}`
    const { dry_run: isDryRun, records_per_second: recordsPerSecond, max_attempts: maxAttempts } = body
    const input = { replayId: id, filter, isDryRun, recordsPerSecond, maxAttempts, outcomeWaitMs: OUTCOME_WAIT_MS }
    const { state } = await jobs.startReplay(input, changeBy(context))
    return accepted(`/dlq/replays/${id}`, { id, kind: 'dlq_replay', ...state })
  },

  async getReplay({ params: { id } }) {
    return { body: { id, kind: 'dlq_replay', ...found(await jobs.replay(id)) } satisfies Job }
  },

  async listSchedules() {
    return { body: wholeList(await jobs.schedules()) }
  },

  async pauseSchedule({ params, body }, context) {
    return { body: scheduled(await jobs.changeSchedule(params.id, 'pause', body.note, changeBy(context))) }
  },

  async resumeSchedule({ params, body }, context) {
    return { body: scheduled(await jobs.changeSchedule(params.id, 'resume', body.note, changeBy(context))) }
  },

  async triggerSchedule({ params }, context) {
    const body = scheduled(await jobs.changeSchedule(params.id, 'trigger', '', changeBy(context)))
    return { status: 202, headers: { location: '/schedules' }, body }
  },
})

const accepted = (location: string, body: Job) => ({ status: 202, headers: { location }, body })

function found(state: JobState | undefined): JobState {
  if (state === undefined) throw new ProblemError('JOB_NOT_FOUND', 'no work that Temporal remembers has this id')
  return state
}

function scheduled(schedule: Schedule | undefined): Schedule {
  if (schedule === undefined) throw new ProblemError('SCHEDULE_NOT_FOUND', 'GET /schedules says which there are')
  return schedule
}
