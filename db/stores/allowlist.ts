import type { ChangeBy } from '../../domain/access/change-by.js'
import type { AllowlistKind } from '../../domain/review/allowlist.js'
import type { Database, Queryable } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { auditRow, type AuditedRow } from './audit.js'

export interface AllowlistRow {
  readonly entryId: string
  readonly kind: AllowlistKind
  readonly value: string
  readonly reason: string
  readonly createdBy: string
  readonly createdTs: Date
  readonly startsTs: Date
  readonly endsTs: Date
}

export interface AllowlistPage {
  /** Only entries that end after. */
  readonly endsAfter?: Date | undefined
  readonly kind?: AllowlistKind | undefined
  readonly limit: number
  /** The last entry of the page before. */
  readonly after?: string | undefined
}

const COLUMNS = `e.entry_id AS "entryId", e.kind, e.value, e.reason, e.created_by AS "createdBy",
       e.created_ts AS "createdTs", e.starts_ts AS "startsTs", e.ends_ts AS "endsTs"`

/** Entries, the one that ends last first; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listAllowlist(
  db: Queryable,
  { endsAfter, kind, limit, after }: AllowlistPage,
): Promise<AllowlistRow[]> {
  const { rows } = await db.query<AllowlistRow>(
    `SELECT ${COLUMNS} FROM allowlist_entries e
      WHERE ($1::timestamptz IS NULL OR e.ends_ts > $1) AND ($2::text IS NULL OR e.kind = $2)
        AND ($3::text IS NULL OR (e.ends_ts, e.entry_id) < (SELECT l.ends_ts, l.entry_id FROM allowlist_entries l WHERE l.entry_id = $3))
      ORDER BY e.ends_ts DESC, e.entry_id DESC LIMIT $4`,
    [endsAfter ?? null, kind ?? null, after ?? null, limit + 1],
  )
  return rows
}

/** @returns undefined when there is no such entry @throws GRD_STORE_* */
export async function getAllowlistEntry(db: Queryable, entryId: string): Promise<AllowlistRow | undefined> {
  const text = `SELECT ${COLUMNS} FROM allowlist_entries e WHERE e.entry_id = $1`
  return (await db.query<AllowlistRow>(text, [entryId])).rows[0]
}

/**
 * Stores an entry that was checked, with its audit record.
 * @param maxEntries that have not ended yet
 * @returns undefined when there are so many already
 * @throws GRD_STORE_*
 */
export const addAllowlistEntry = (
  db: Database,
  entry: Omit<AllowlistRow, 'createdBy' | 'createdTs'>,
  maxEntries: number,
  by: ChangeBy,
): Promise<AllowlistRow | undefined> =>
  withTransaction(db, async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('allowlist'))`)
    const { entryId, kind, value, reason, startsTs, endsTs } = entry
    const { rows } = await tx.query<AllowlistRow>(
      `INSERT INTO allowlist_entries AS e (entry_id, kind, value, address_range, reason, created_by, starts_ts, ends_ts)
       SELECT $1, $2, $3::text, CASE WHEN $2 = 'address' THEN network($3::text::inet) END, $4, $5, $6, $7
        WHERE (SELECT count(*) FROM allowlist_entries o WHERE o.ends_ts > now()) < $8
       RETURNING ${COLUMNS}`,
      [entryId, kind, value, reason, by.actor, startsTs, endsTs, maxEntries],
    )
    const [row] = rows
    return row && auditRow(tx, by, ENTRY, 'allowlist.add', null, row)
  })

/**
 * Ends an entry now; one that has not begun is over before it begins. Repeating it changes nothing.
 * @returns undefined when there is no such entry
 * @throws GRD_STORE_*
 */
export const endAllowlistEntry = (
  db: Database,
  entryId: string,
  now: Date,
  by: ChangeBy,
): Promise<AllowlistRow | undefined> =>
  withTransaction(db, async (tx) => {
    const found = await tx.query<AllowlistRow>(
      `SELECT ${COLUMNS} FROM allowlist_entries e WHERE e.entry_id = $1 FOR UPDATE`,
      [entryId],
    )
    const [before] = found.rows
    if (before === undefined || before.endsTs <= now) return before
    const { rows } = await tx.query<AllowlistRow>(
      `UPDATE allowlist_entries AS e SET ends_ts = greatest($2, e.starts_ts + interval '1 millisecond')
        WHERE e.entry_id = $1 RETURNING ${COLUMNS}`,
      [entryId, now],
    )
    return auditRow(tx, by, ENTRY, 'allowlist.end', before, rows[0])
  })

const ENTRY: AuditedRow<AllowlistRow> = {
  target: ({ entryId }) => `allowlist/${entryId}`,
  shown: ({ startsTs, endsTs, createdTs, ...rest }) => ({
    ...rest,
    startsTs: startsTs.toISOString(),
    endsTs: endsTs.toISOString(),
    createdTs: createdTs.toISOString(),
  }),
}
