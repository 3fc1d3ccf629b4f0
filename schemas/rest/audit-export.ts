import { z } from 'zod'
import { AuditRecord } from './audit.js'
import { numberCursor, pageLimit } from './page.js'
import { instant } from './parameters.js'

/** Of the lines of an export; another number when they change. */
const EXPORT_FORMAT = 'guardian-audit-1'

const HASH = /^[0-9a-f]{64}$/

/** The query of `GET /audit/export`. @param exportMax how many records one export may have */
export const auditExportQuery = (exportMax: number) =>
  z.strictObject({
    from: instant.optional().meta({ description: 'From the first record of this time on' }),
    to: instant.optional().meta({ description: 'Up to the last record before this time' }),
    limit: pageLimit(exportMax, exportMax),
    cursor: numberCursor('`next_cursor` of the last line of the export before'),
  })

/** The first line. */
const ExportBegin = z.strictObject({
  kind: z.literal('begin'),
  format: z.literal(EXPORT_FORMAT),
  after: z.int().min(0).meta({ description: 'Records with a higher seq follow' }),
})

/** What a last line says of why it is one. */
const EXPORT_ENDS = ['all', 'limit', 'unavailable', 'access'] as const
export type ExportEndReason = (typeof EXPORT_ENDS)[number]

/** The last line. A file without it was cut off. */
export const ExportEnd = z.strictObject({
  kind: z.literal('end'),
  complete: z.boolean().meta({ description: 'Whether all that was asked for is there' }),
  reason: z.enum(EXPORT_ENDS),
  records: z.int().min(0),
  head: z
    .strictObject({ seq: z.int().min(1), hash: z.string().regex(HASH) })
    .nullable()
    .meta({ description: 'Of the last record in the file' }),
  next_cursor: z.string().nullable().meta({ description: 'To go on from; null when it is complete' }),
})
export type ExportEnd = z.output<typeof ExportEnd>

/** One line of an export. */
export const ExportLine = z
  .union([ExportBegin, AuditRecord.extend({ kind: z.literal('record') }).meta({ id: 'AuditExportRecord' }), ExportEnd])
  .meta({ id: 'AuditExportLine', description: 'A line: `begin`, then records with rising seq, then `end`' })
export type ExportLine = z.output<typeof ExportLine>

/** A record as it is stored. */
interface StoredRecord {
  readonly seq: number
  readonly recordedTs: Date
  readonly actor: string
  readonly actorName: string
  readonly action: string
  readonly target: string
  readonly outcome: 'done' | 'denied'
  readonly requestId: string
  readonly before: unknown
  readonly after: unknown
  readonly previousHash: Buffer
  readonly hash: Buffer
}

/** A stored record in the words of the API. */
export const auditRecordOf = (row: StoredRecord): AuditRecord => ({
  seq: row.seq,
  recorded_ts: row.recordedTs.toISOString(),
  actor: row.actor,
  actor_name: row.actorName,
  action: row.action,
  target: row.target,
  outcome: row.outcome,
  request_id: row.requestId,
  before: row.before,
  after: row.after,
  previous_hash: row.previousHash.toString('hex'),
  hash: row.hash.toString('hex'),
})

/**
 * Counts what an export has said so far, and words its lines.
 * @param after where it begins
 */
export function exportWriter(after: number) {
  let records = 0
  let head: ExportEnd['head'] = null
  const text = (line: ExportLine): string => `${JSON.stringify(line)}\n`
  return {
    begin: (): string => text({ kind: 'begin', format: EXPORT_FORMAT, after }),
    record: (row: StoredRecord): string => {
      const record = auditRecordOf(row)
      records += 1
      head = { seq: record.seq, hash: record.hash }
      return text({ kind: 'record', ...record })
    },
    end: (reason: ExportEndReason): string => {
      const complete = reason === 'all'
      const next_cursor = complete ? null : String(head?.seq ?? after)
      return text({ kind: 'end', complete, reason, records, head, next_cursor })
    },
  }
}
