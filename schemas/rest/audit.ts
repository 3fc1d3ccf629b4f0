import { z } from 'zod'
import { numberCursor, Page, pageLimit } from './page.js'
import { lineOf, Timestamp } from './parameters.js'

/** The query of `GET /audit`. @param pageLimitMax how many records a page may have */
export const auditQuery = (pageLimitMax: number) =>
  z.strictObject({
    actor: lineOf(200).optional().meta({ description: 'The id of a key, `cli` or `system`' }),
    action: lineOf(200).optional().meta({ example: 'rule.activate' }),
    target: lineOf(1_024).optional().meta({ example: 'rule/BOT_LIKE/3' }),
    request_id: lineOf(128).optional(),
    limit: pageLimit(pageLimitMax),
    cursor: numberCursor(),
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
    page: Page,
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
