import { z } from 'zod'
import {
  parseQuarantineId,
  QUARANTINE_DECISIONS,
  QUARANTINE_REASONS,
  QUARANTINE_STATES,
  type QuarantineDecision,
} from '../../domain/kpi/quarantine.js'
import { Page, pageCursor, pageLimit } from './page.js'
import { dayText, lineOf, replaceWith, textOf, Timestamp } from './parameters.js'

/** Refused when it is no id that the API has given. */
const quarantineId = lineOf(60)
  .transform((text, context) => {
    const key = parseQuarantineId(text)
    if (key !== undefined) return key
    context.addIssue('not an id that this API gave')
    return z.NEVER
  })
  .meta({ override: replaceWith({ type: 'string', example: 'p-3-1204-1767225600000' }) })

const state = z.enum(QUARANTINE_STATES, `not one of ${QUARANTINE_STATES.join(', ')}`)
const reason = z.enum(QUARANTINE_REASONS, `not one of ${QUARANTINE_REASONS.join(', ')}`)
const decisions = Object.keys(QUARANTINE_DECISIONS) as [QuarantineDecision, ...QuarantineDecision[]]

/** The query of `GET /quarantine`. @param pageLimitMax how many records a page may have */
export const quarantineQuery = (pageLimitMax: number) =>
  z.strictObject({
    day: dayText.optional().meta({ description: 'Only of this day' }),
    state: state.optional().meta({ description: 'quarantined: those that wait for a decision' }),
    reason: reason.optional(),
    limit: pageLimit(pageLimitMax),
    cursor: pageCursor(quarantineId),
  })

export const QuarantineParams = z.strictObject({ id: quarantineId })

export const NewQuarantineDecision = z
  .strictObject({
    decision: z.enum(decisions, `not one of ${decisions.join(', ')}`).meta({
      description:
        'release: the next run of the day counts the record; drop: no run ever does. A decision can be changed',
    }),
    comment: textOf(2_000).optional().meta({ description: 'Why', example: 'a test order of our own' }),
  })
  .meta({ id: 'NewQuarantineDecision' })

export const QuarantinedRecord = z
  .strictObject({
    id: z.string().meta({ example: 'p-3-1204-1767225600000' }),
    day: z.iso.date().meta({ description: 'The day whose figures are without the record' }),
    kind: z.enum(['click', 'purchase']),
    topic: z.string(),
    kafka_partition: z.int(),
    kafka_offset: z.int(),
    event_id: z.string(),
    event_ts: Timestamp,
    session_id: z.string(),
    source: z.string().nullable().meta({ description: 'The producer that sent it, by its own name' }),
    reason: reason.meta({ description: 'Stable; programs may decide by it' }),
    reason_text: z.string().meta({ description: 'The same for people' }),
    fields: z
      .record(z.string(), z.string().nullable())
      .meta({ description: 'What the record says; numbers as text, for they may be beyond 2^53' }),
    amount: z
      .string()
      .nullable()
      .meta({ description: '|quantity × unit price| in minor units, as text', example: '19999' }),
    found_ts: Timestamp,
    state,
    decided_ts: Timestamp.nullable(),
    decided_by: z.string().nullable().meta({ description: 'The id of the key, or cli' }),
    decided_by_name: z.string().nullable(),
    comment: z.string().nullable(),
  })
  .meta({ id: 'QuarantinedRecord' })
export type QuarantinedRecord = z.output<typeof QuarantinedRecord>

export const QuarantineList = z
  .strictObject({ data: z.array(QuarantinedRecord), page: Page })
  .meta({ id: 'QuarantineList', description: 'The newest day first, then by the place in the log' })
export type QuarantineList = z.output<typeof QuarantineList>
