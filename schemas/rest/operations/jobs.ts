import {
  BackfillParams,
  BackfillPreview,
  BackfillRange,
  DayParams,
  DayRunParams,
  Job,
  NewBackfill,
  NewReplay,
  ReplayParams,
  Schedule,
  ScheduleList,
  ScheduleNote,
  ScheduleParams,
} from '../jobs.js'
import { bare, json, type Operation } from '../operation.js'

const read = { ...bare, tag: 'jobs', access: 'viewer', problems: ['DEPENDENCY_UNAVAILABLE'] } as const
const known = { ...read, problems: ['JOB_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'] } as const
const start = { ...read, method: 'post', access: 'operator' } as const
const underWay = { 202: json('It is under way; Location has its address', Job) }
const state = { 200: json('How it stands', Job) }
const schedule = {
  ...start,
  params: ScheduleParams,
  problems: ['SCHEDULE_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
} as const

const figureJobs = {
  previewBackfill: {
    ...read,
    path: '/backfills/preview',
    lane: 'reports',
    summary: 'Which days a backfill would compute, and why',
    query: BackfillRange,
    answers: { 200: json('Each day', BackfillPreview) },
  },
  startBackfill: {
    ...start,
    path: '/backfills',
    summary: 'Computes the figures of a range of days; one for the same days that is under way is joined',
    body: NewBackfill,
    answers: underWay,
  },
  getBackfill: {
    ...known,
    path: '/backfills/{id}',
    summary: 'How far a backfill is; `/pipeline-runs?type=backfillKpi` has all of them',
    params: BackfillParams,
    answers: state,
  },
  startDayRun: {
    ...start,
    path: '/metrics/daily/{day}/runs',
    summary: 'Computes the figures of a day; a run that is under way is joined',
    params: DayParams,
    answers: underWay,
  },
  getDayRun: {
    ...known,
    path: '/metrics/daily/{day}/runs/{run_id}',
    summary: 'How a run of a day stands',
    params: DayRunParams,
    answers: state,
  },
} as const satisfies Readonly<Record<string, Operation>>

const replayJobs = {
  startReplay: {
    ...start,
    path: '/dlq/replays',
    summary: 'Sends dead letters back to where they came from, those that would be taken now; by default a dry run',
    body: NewReplay,
    answers: underWay,
  },
  getReplay: {
    ...known,
    path: '/dlq/replays/{id}',
    summary: 'How far a replay is, and what became of the dead letters',
    params: ReplayParams,
    answers: state,
  },
} as const satisfies Readonly<Record<string, Operation>>

const scheduleOperations = {
  listSchedules: {
    ...read,
    path: '/schedules',
    summary: 'What runs on its own, when it last did, and when it will next',
    answers: { 200: json('All schedules', ScheduleList) },
  },
  pauseSchedule: {
    ...schedule,
    path: '/schedules/{id}/pause',
    summary: 'Nothing is started until it is resumed',
    body: ScheduleNote,
    answers: { 200: json('The schedule', Schedule) },
  },
  resumeSchedule: {
    ...schedule,
    path: '/schedules/{id}/resume',
    summary: 'Goes on with its times',
    body: ScheduleNote,
    answers: { 200: json('The schedule', Schedule) },
  },
  triggerSchedule: {
    ...schedule,
    path: '/schedules/{id}/trigger',
    summary: 'Starts now what it starts, unless that is under way',
    answers: { 202: json('It was asked for; the schedule says when it last started something', Schedule) },
  },
} as const satisfies Readonly<Record<string, Operation>>

/** Work that goes on after the answer: Temporal does it. */
export const jobOperations = { ...figureJobs, ...replayJobs, ...scheduleOperations } as const
