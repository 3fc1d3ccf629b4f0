import { createHash } from 'node:crypto'
import type { ChangeBy } from '../../domain/access/change-by.js'
import type { Database, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { noteChange } from './idempotency-keys.js'

/** What is said about one change, or about an attempt that was denied. */
export interface AuditEntry extends ChangeBy {
  /** `key.create`, `rule.activate`...; of an attempt, method and route. */
  readonly action: string
  /** What was changed: `key/k_1`, `rule/BOT_LIKE/3`. */
  readonly target: string
  readonly outcome: 'done' | 'denied'
  /** JSON; null for what was not there before, or is not there any more. */
  readonly before: unknown
  readonly after: unknown
}

/** A row of `audit_log`. */
export interface AuditRecord extends AuditEntry {
  /** 1, 2, 3...: without a gap. */
  readonly seq: number
  readonly recordedTs: Date
  readonly previousHash: Buffer
  /** SHA-256 of all the rest, the hash before it included. */
  readonly hash: Buffer
}

/** What the first record seals. */
export const FIRST_PREVIOUS_HASH: Buffer = Buffer.alloc(32)

/** JSON with the names of every object in order, as PostgreSQL gives them back in another. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`).join(',')}}`
}

/** The seal of a record: whoever changes one has to change every one after it. */
export const sealOf = (record: Omit<AuditRecord, 'hash'>): Buffer =>
  createHash('sha256')
    .update(
      canonicalJson([
        record.seq,
        record.recordedTs.toISOString(),
        record.actor,
        record.actorName,
        record.action,
        record.target,
        record.outcome,
        record.requestId,
        record.before,
        record.after,
        record.previousHash.toString('hex'),
      ]),
    )
    .digest()

const INSERT = `
INSERT INTO audit_log (seq, recorded_ts, actor, actor_name, action, target, outcome, request_id, before, after,
                       previous_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

/** One number for all who write to the log: records are chained one after the other. */
const AUDIT_LOCK = 7_406_117

/**
 * Adds a record, in the transaction of the change that it tells of: both are stored, or neither. Writers wait for one
 * another until their transactions end.
 * @throws GRD_STORE_*
 */
export async function appendAudit(tx: Transaction, entry: AuditEntry): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1)', [AUDIT_LOCK])
  const { rows } = await tx.query<{ seq: number; hash: Buffer }>(
    'SELECT a.seq, a.hash FROM audit_log a ORDER BY a.seq DESC LIMIT 1',
  )
  const last = rows[0]
  const record = {
    ...entry,
    seq: (last?.seq ?? 0) + 1,
    recordedTs: new Date(),
    previousHash: last?.hash ?? FIRST_PREVIOUS_HASH,
  }
  await tx.query(INSERT, [
    record.seq,
    record.recordedTs,
    record.actor,
    record.actorName,
    record.action,
    record.target,
    record.outcome,
    record.requestId,
    jsonOrNull(record.before),
    jsonOrNull(record.after),
    record.previousHash,
    sealOf(record),
  ])
  if (entry.idempotencyKey !== undefined) await noteChange(tx, entry.actor, entry.idempotencyKey)
}

/** How the log tells of the rows of a table. */
export interface AuditedRow<Row> {
  readonly target: (row: Row) => string
  readonly shown: (row: Row) => object
}

/**
 * Adds the record of a row that was made or changed.
 * @param before null for a new one
 * @param after as the statement returned it
 * @returns `after`
 * @throws GRD_STORE_*
 */
export async function auditRow<Row>(
  tx: Transaction,
  by: ChangeBy,
  { target, shown }: AuditedRow<Row>,
  action: string,
  before: Row | null,
  after: Row | undefined,
): Promise<Row> {
  if (after === undefined) throw new Error(`${action} has returned no row`)
  const said = { before: before === null ? null : shown(before), after: shown(after) }
  await appendAudit(tx, { ...by, action, target: target(after), outcome: 'done', ...said })
  return after
}

const jsonOrNull = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value)

/**
 * Records a change that is made elsewhere, as in Temporal: before it is asked for, so that none goes unrecorded.
 * @throws GRD_STORE_*
 */
export const recordChange = (db: Database, change: Omit<AuditEntry, 'outcome'>): Promise<void> =>
  withTransaction(db, (tx) => appendAudit(tx, { ...change, outcome: 'done' }))

/** Records attempts that were denied, all in one transaction. @throws GRD_STORE_* */
export const recordDenials = (db: Database, denials: readonly Omit<AuditEntry, 'outcome'>[]): Promise<void> =>
  withTransaction(db, async (tx) => {
    for (const denial of denials) await appendAudit(tx, { ...denial, outcome: 'denied' })
  })
