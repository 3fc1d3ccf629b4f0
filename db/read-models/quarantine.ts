import type { QuarantineKey, QuarantineReason, QuarantineState } from '../../domain/kpi/quarantine.js'
import type { Queryable } from '../pool.js'

/** A record that the figures of its day leave out, with what was decided on it. */
export interface QuarantinedRow {
  readonly dataset: 'clicks' | 'purchases'
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly eventTs: Date
  readonly day: string
  readonly eventId: string
  readonly sessionId: string
  readonly source: string | null
  readonly reason: QuarantineReason
  readonly field: string | null
  readonly fields: Readonly<Record<string, string | null>>
  /** Decimal digits: it may be beyond 2^53. */
  readonly amount: string | null
  readonly foundTs: Date
  readonly state: QuarantineState
  readonly decidedTs: Date | null
  readonly decidedBy: string | null
  readonly decidedByName: string | null
  readonly comment: string | null
}

export interface QuarantinePage {
  readonly day?: string | undefined
  readonly state?: QuarantineState | undefined
  readonly reason?: QuarantineReason | undefined
  readonly limit: number
  /** The last record of the page before. */
  readonly after?: QuarantineKey | undefined
}

/** The columns of a `QuarantinedRow`, of `kpi_quarantine q`. */
export const COLUMNS = `q.dataset, q.topic, q.kafka_partition AS partition, q.kafka_offset AS "offset", q.event_ts AS "eventTs",
       q.day::text AS day, q.event_id AS "eventId", q.session_id AS "sessionId", q.source, q.reason, q.field, q.fields,
       q.amount::text AS amount, q.found_ts AS "foundTs", q.state, q.decided_ts AS "decidedTs", q.decided_by AS "decidedBy",
       q.decided_by_name AS "decidedByName", q.comment`

/** The record of a key, given as `keyValues`. */
export const SAME =
  'q.dataset = $1 AND q.kafka_partition = $2 AND q.kafka_offset = $3 AND q.event_ts = to_timestamp($4::bigint / 1000.0)'

export const keyValues = ({ dataset, partition, offset, eventMs }: QuarantineKey) => [
  dataset,
  partition,
  offset,
  eventMs,
]

/** Records by day, newest first, then by their place in the log; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listQuarantine(
  db: Queryable,
  { day, state, reason, limit, after }: QuarantinePage,
): Promise<QuarantinedRow[]> {
  const { rows } = await db.query<QuarantinedRow>(
    `SELECT ${COLUMNS} FROM kpi_quarantine q
      WHERE ($1::date IS NULL OR q.day = $1) AND ($2::text IS NULL OR q.state = $2) AND ($3::text IS NULL OR q.reason = $3)
        AND ($4::text IS NULL OR (-(q.day - date 'epoch'), q.dataset, q.kafka_partition, q.kafka_offset, q.event_ts) >
             (SELECT -(l.day - date 'epoch'), l.dataset, l.kafka_partition, l.kafka_offset, l.event_ts FROM kpi_quarantine l
               WHERE l.dataset = $4 AND l.kafka_partition = $5 AND l.kafka_offset = $6 AND l.event_ts = to_timestamp($7::bigint / 1000.0)))
      ORDER BY q.day DESC, q.dataset, q.kafka_partition, q.kafka_offset, q.event_ts LIMIT $8`,
    [
      ...[day ?? null, state ?? null, reason ?? null],
      ...(after === undefined ? [null, null, null, null] : keyValues(after)),
      limit + 1,
    ],
  )
  return rows
}
