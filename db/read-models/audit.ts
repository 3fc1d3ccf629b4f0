import type { Queryable } from '../pool.js'
import { FIRST_PREVIOUS_HASH, sealOf, type AuditRecord } from '../stores/audit.js'

export interface AuditPageRequest {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly target?: string | undefined
  readonly requestId?: string | undefined
  /** Records with a lower seq only. */
  readonly before?: number | undefined
  readonly limit: number
}

const COLUMNS = `a.seq, a.recorded_ts AS "recordedTs", a.actor, a.actor_name AS "actorName", a.action, a.target,
       a.outcome, a.request_id AS "requestId", a.before, a.after, a.previous_hash AS "previousHash", a.hash`

/** One page of the audit log, newest first; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listAudit(db: Queryable, request: AuditPageRequest): Promise<AuditRecord[]> {
  const { actor = null, action = null, target = null, requestId = null, before = null, limit } = request
  const { rows } = await db.query<AuditRecord>(
    `SELECT ${COLUMNS} FROM audit_log a
      WHERE ($1::text IS NULL OR a.actor = $1) AND ($2::text IS NULL OR a.action = $2)
        AND ($3::text IS NULL OR a.target = $3) AND ($4::text IS NULL OR a.request_id = $4)
        AND ($5::bigint IS NULL OR a.seq < $5)
      ORDER BY a.seq DESC LIMIT $6`,
    [actor, action, target, requestId, before, limit + 1],
  )
  return rows
}

/** What was found wrong with the log, or that all of it fits. */
export interface AuditVerdict {
  readonly records: number
  /** The last record's: note it elsewhere, and a log that was cut off at its end can be told, too. */
  readonly head: { readonly seq: number; readonly hash: string } | null
  readonly faults: readonly { readonly seq: number; readonly fault: 'missing' | 'changed' | 'not_chained' }[]
}

const MAX_FAULTS = 100

/** Seals every record anew and holds it against what is stored. @throws GRD_STORE_* */
export async function verifyAudit(db: Queryable): Promise<AuditVerdict> {
  const faults: { seq: number; fault: 'missing' | 'changed' | 'not_chained' }[] = []
  let expected = 1
  let previous: Buffer = FIRST_PREVIOUS_HASH
  let records = 0
  for await (const page of readAuditSpan(db, await findAuditSpan(db, {}))) {
    for (const record of page) {
      records += 1
      if (record.seq !== expected) faults.push({ seq: expected, fault: 'missing' })
      else if (!record.previousHash.equals(previous)) faults.push({ seq: record.seq, fault: 'not_chained' })
      if (!sealOf(record).equals(record.hash)) faults.push({ seq: record.seq, fault: 'changed' })
      expected = record.seq + 1
      previous = record.hash
    }
    if (faults.length >= MAX_FAULTS) break
  }
  return { records, faults, head: records === 0 ? null : { seq: expected - 1, hash: previous.toString('hex') } }
}

/** Whether a record with this hash is there still. @param hash 64 hexadecimal digits @throws GRD_STORE_* */
export async function hasAuditRecord(db: Queryable, seq: number, hash: string): Promise<boolean> {
  const text = `SELECT 1 AS found FROM audit_log a WHERE a.seq = $1 AND a.hash = decode($2, 'hex')`
  return (await db.query(text, [seq, hash])).rowCount === 1
}

/** Which records are asked for; what is not said bounds nothing. Those between two are always all of them: a chain. */
export interface AuditSpanRequest {
  /** Records with a higher seq only. */
  readonly after?: number | undefined
  /** From the first record of this time on, and up to the last before that one; processes' clocks decide. */
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

/** Records with `after < seq <= last`; none when they are the same. */
export interface AuditSpan {
  readonly after: number
  readonly last: number
}

/** Where a span begins and, as the log is now, ends. @throws GRD_STORE_* */
export async function findAuditSpan(db: Queryable, { after = 0, from, to }: AuditSpanRequest): Promise<AuditSpan> {
  const { rows } = await db.query<{ first: number | null; last: number | null }>(
    `SELECT CASE WHEN $1::timestamptz IS NULL THEN 1 ELSE
              (SELECT a.seq FROM audit_log a WHERE a.recorded_ts >= $1 ORDER BY a.recorded_ts, a.seq LIMIT 1) END AS first,
            CASE WHEN $2::timestamptz IS NULL THEN (SELECT max(a.seq) FROM audit_log a) ELSE
              (SELECT a.seq FROM audit_log a WHERE a.recorded_ts < $2 ORDER BY a.recorded_ts DESC, a.seq DESC LIMIT 1)
            END AS last`,
    [from ?? null, to ?? null],
  )
  const { first = null, last = null } = rows[0] ?? {}
  if (first === null || last === null) return { after, last: after }
  const begin = Math.max(after, first - 1)
  return { after: begin, last: Math.max(begin, last) }
}

/** So many records of a span are read at once. */
const SPAN_PAGE = 200

/** The records of a span, oldest first, a page at a time. @throws GRD_STORE_* */
export async function* readAuditSpan(db: Queryable, { after, last }: AuditSpan): AsyncGenerator<AuditRecord[]> {
  for (let from = after; from < last;) {
    const { rows } = await db.query<AuditRecord>(
      `SELECT ${COLUMNS} FROM audit_log a WHERE a.seq > $1 AND a.seq <= $2 ORDER BY a.seq LIMIT ${SPAN_PAGE}`,
      [from, last],
    )
    const end = rows.at(-1)
    if (end === undefined) return
    yield rows
    from = end.seq
  }
}
