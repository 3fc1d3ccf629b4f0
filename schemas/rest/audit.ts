import { z } from 'zod'
import { lineOf, Timestamp, wholeNumber } from './parameters.js'

export const auditQuery = (pageLimitMax: number) =>
  z.strictObject({
    actor: lineOf(200).optional().meta({ description: 'The id of a key, `cli` or `system`' }),
    action: lineOf(200).optional().meta({ example: 'rule.activate' }),
    target: lineOf(1_024).optional().meta({ example: 'rule/BOT_LIKE/3' }),
    request_id: lineOf(128).optional(),
    limit: wholeNumber(1, pageLimitMax, Math.min(50, pageLimitMax)),
    cursor: lineOf(15)
      .regex(/^\d{1,15}$/, 'not a cursor that this API gave')
      .transform(Number)
      .optional()
      .meta({
        description: '`page.next_cursor` of the page before',
        override: { type: 'string', pattern: '^\\d{1,15}$' },
      }),
  })

export const AuditRecord = z
  .strictObject({
    seq: z.int().min(1).meta({ description: '1, 2, 3...: without a gap' }),
    recorded_ts: Timestamp,
    actor: z.string(),
    actor_name: z.string(),
    action: z.string(),
    target: z.string(),
    outcome: z.enum(['done', 'denied']),
    request_id: z.string(),
    before: z.unknown(),
    after: z.unknown(),
    previous_hash: z.string(),
    hash: z.string().meta({ description: 'SHA-256 of all the rest, the hash before it included' }),
  })
  .meta({ id: 'AuditRecord' })
export type AuditRecord = z.output<typeof AuditRecord>

export const AuditList = z
  .strictObject({
    data: z.array(AuditRecord),
    page: z.strictObject({ next_cursor: z.string().nullable(), limit: z.int() }),
  })
  .meta({ id: 'AuditList', description: 'Newest first' })

export const AuditVerdict = z
  .strictObject({
    records: z.int().min(0),
    head: z
      .strictObject({ seq: z.int(), hash: z.string() })
      .nullable()
      .meta({ description: 'Of the last record: noted elsewhere, it tells when the end of the log was cut off' }),
    faults: z.array(z.strictObject({ seq: z.int(), fault: z.enum(['missing', 'changed', 'not_chained']) })),
  })
  .meta({ id: 'AuditVerdict' })
