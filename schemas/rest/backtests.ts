import { z } from 'zod'
import { Page, pageCursor, pageLimit } from './page.js'
import { dayText, lineOf, Timestamp } from './parameters.js'
import { RuleId, RuleParameters } from './rules.js'

const backTestId = lineOf(36).regex(/^[0-9a-f-]{36}$/, 'not an id that this API gave')
const Day = dayText.meta({ example: '2026-10-01' })
const count = z.int().min(0)

export const BackTestParams = z.strictObject({ id: backTestId })

/** The query of `GET /backtests`. @param pageLimitMax how many back-tests a page may have */
export const backTestListQuery = (pageLimitMax: number) =>
  z.strictObject({
    limit: pageLimit(pageLimitMax),
    cursor: pageCursor(backTestId),
  })

/** Either a version that is stored, in whatever state, or a definition that is none yet. */
export const NewBackTest = z
  .strictObject({
    rule_id: RuleId.meta({ example: 'HIGH_FREQUENCY' }),
    version: z
      .int()
      .min(1)
      .max(999_999_999)
      .optional()
      .meta({ description: 'A stored version of the rule, also a draft; without it, `kind` and `parameters`' }),
    kind: lineOf(100).optional().meta({ example: 'HIGH_FREQUENCY' }),
    parameters: RuleParameters.optional(),
    from: Day.meta({ description: 'First day, UTC' }),
    to: Day.meta({ description: 'Last day; it has to be over' }),
  })
  .refine(
    ({ version, kind, parameters }) =>
      version === undefined
        ? kind !== undefined && parameters !== undefined
        : kind === undefined && parameters === undefined,
    'give either version, or kind and parameters',
  )
  .meta({ id: 'NewBackTest' })
export type NewBackTest = z.output<typeof NewBackTest>

const TestedRule = z
  .strictObject({
    version: count.meta({ description: '0: a definition that is not stored' }),
    kind: z.string(),
    parameters: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TestedRule' })

const sessions = {
  sessions: count,
  bought_sessions: count.meta({ description: 'Of these, those that bought on the days tested: people, most likely' }),
}
const Flagged = z.strictObject({ windows: count, ...sessions }).meta({ id: 'BackTestFlagged' })
const Sessions = z.strictObject(sessions).meta({ id: 'BackTestSessions' })
const counts = {
  candidate: Flagged,
  in_force: Flagged,
  gained: Sessions.meta({ description: 'Flagged by the candidate alone, by day' }),
  lost: Sessions.meta({ description: 'Flagged by the rule in force alone, by day' }),
}

const BackTestResult = z
  .strictObject({
    total: z
      .strictObject(counts)
      .meta({ description: 'The days added up: a session that is flagged on two counts twice' }),
    days: z.array(z.strictObject({ day: Day, ...counts })),
    samples: z
      .array(
        z.strictObject({
          kind: z.enum(['gained', 'lost']),
          day: Day,
          session_id: z.string(),
          windows: count,
          first_window_start: Timestamp,
          events: count.meta({ description: 'Of its busiest window' }),
          distinct_items: count,
          bought: z.boolean(),
        }),
      )
      .meta({ description: 'At most 20 of each kind, those that bought first' }),
  })
  .meta({ id: 'BackTestResult' })
export type BackTestResult = z.output<typeof BackTestResult>

const fields = {
  id: z.string(),
  rule_id: z.string(),
  candidate: TestedRule,
  in_force: TestedRule.nullable().meta({ description: 'What it is compared with; null when no version is in force' }),
  from: Day,
  to: Day,
  state: z.enum(['queued', 'running', 'completed', 'failed']),
  progress: z.strictObject({
    records: count.meta({ description: 'Archived clicks to read; 0 while it is not known' }),
    records_read: count,
  }),
  reason: z.string().nullable().meta({ description: 'Why it failed' }),
  created_by: z.string(),
  created_ts: Timestamp,
  ended_ts: Timestamp.nullable(),
}

export const BackTest = z.strictObject(fields).meta({ id: 'BackTest' })
export type BackTest = z.output<typeof BackTest>
export const BackTestDetails = z
  .strictObject({ ...fields, result: BackTestResult.nullable() })
  .meta({ id: 'BackTestDetails' })
export type BackTestDetails = z.output<typeof BackTestDetails>
export const BackTestList = z
  .strictObject({
    data: z.array(BackTest),
    page: Page,
  })
  .meta({ id: 'BackTestList', description: 'Newest first' })
