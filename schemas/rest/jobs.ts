import { z } from 'zod'
import { DEAD_LETTER_CODES } from '../../domain/detection/fate.js'
import { TOPICS } from '../../domain/events.js'
import { STALE_REASONS } from '../../domain/kpi/day-versions.js'
import { WholePage } from './page.js'
import { dayText, instant, lineOf, textOf, Timestamp } from './parameters.js'

const day = dayText
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
// Temporal refuses what is no UUID, which is not to count as a Temporal that does not answer.
const runId = lineOf(36).regex(new RegExp(`^${UUID}$`), 'not an id that this API gave')

export const BackfillRange = z.strictObject({ from: day, to: day.meta({ description: 'The last day' }) })

export const NewBackfill = z
  .strictObject({
    from: day,
    to: day.meta({ description: 'The last day' }),
    all: z.boolean().prefault(false).meta({ description: 'Also days whose figures are up to date' }),
    parallel: z.int().min(1).max(8).prefault(2).meta({ description: 'Days that are under way at once' }),
  })
  .meta({ id: 'NewBackfill' })

export const BackfillParams = z.strictObject({
  id: lineOf(60)
    .regex(new RegExp(`^\\d{4}-\\d{2}-\\d{2}_\\d{4}-\\d{2}-\\d{2}_${UUID}$`), 'not an id that this API gave')
    .meta({ description: 'As `POST /backfills` gave it' }),
})
export const DayParams = z.strictObject({ day })
export const DayRunParams = z.strictObject({ day, run_id: runId })

export const JOB_STATUSES = ['running', 'completed', 'failed', 'cancelled', 'terminated', 'timed_out'] as const

export const Job = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['backfill', 'daily_kpi', 'dlq_replay']),
    status: z.enum(JOB_STATUSES),
    started_ts: Timestamp,
    ended_ts: Timestamp.nullable(),
    progress: z.unknown().meta({ description: 'Of a backfill under way: its days; null when nobody can tell' }),
    result: z.unknown().meta({ description: 'Once completed' }),
    reason: z.string().nullable().meta({ description: 'Why it failed' }),
  })
  .meta({ id: 'Job', description: 'Work that goes on after the answer' })
export type Job = z.output<typeof Job>

export const BackfillPreview = z
  .strictObject({
    days: z.array(
      z.strictObject({
        day: z.string(),
        files: z.int().min(0),
        rows: z.int().min(0),
        is_published: z.boolean(),
        why: z.array(z.enum(STALE_REASONS)).meta({ description: 'Why it would be computed; empty: it is up to date' }),
      }),
    ),
    to_compute: z.int().min(0),
  })
  .meta({ id: 'BackfillPreview' })
export type BackfillPreview = z.output<typeof BackfillPreview>

export const NewReplay = z
  .strictObject({
    dry_run: z.boolean().prefault(true).meta({ description: 'true: only counts what would be done' }),
    code: z.enum(DEAD_LETTER_CODES, `not one of ${DEAD_LETTER_CODES.join(', ')}`).optional(),
    topic: z.enum([TOPICS.clicks, TOPICS.purchases]).optional().meta({ description: 'Where they came from' }),
    from: instant.optional().meta({ description: 'Became dead letters at or after' }),
    to: instant.optional().meta({ description: 'Became dead letters before' }),
    record: z
      .strictObject({ partition: z.int().min(0), offset: z.int().min(0) })
      .optional()
      .meta({ description: 'Only this one of the dead letters' }),
    records_per_second: z.int().min(1).max(100_000).prefault(500),
    max_attempts: z.int().min(1).max(100).prefault(3).meta({ description: 'Replayed so often, it is parked' }),
  })
  .meta({ id: 'NewReplay' })

export const ReplayParams = z.strictObject({
  id: lineOf(60).regex(/^[0-9A-Za-z:.-]{10,60}$/, 'not an id that this API gave'),
})

const scheduleId = lineOf(200).regex(/^[a-z][a-z0-9-]*$/, 'not the id of a schedule')
export const ScheduleParams = z.strictObject({ id: scheduleId })
export const ScheduleNote = z.strictObject({ note: textOf(200).meta({ description: 'Why' }) }).meta({ id: 'Note' })

export const Schedule = z
  .strictObject({
    id: z.string(),
    workflow_type: z.string().nullable(),
    paused: z.boolean(),
    note: z.string().nullable(),
    next_ts: Timestamp.nullable().meta({ description: 'When it is due next; null while it is paused' }),
    last_ts: Timestamp.nullable().meta({ description: 'When it last started something' }),
  })
  .meta({ id: 'Schedule' })
export type Schedule = z.output<typeof Schedule>

export const ScheduleList = z
  .strictObject({
    data: z.array(Schedule),
    page: WholePage,
  })
  .meta({ id: 'ScheduleList' })
