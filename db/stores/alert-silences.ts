import type { ChangeBy } from '../../domain/access/change-by.js'
import type { Severity } from '../../domain/alerting/observation.js'
import type { Database, Queryable } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { auditRow, type AuditedRow } from './audit.js'

export interface SilenceRow {
  readonly silenceId: string
  readonly kind: 'silence' | 'maintenance'
  readonly matcher: string
  readonly upTo: Severity
  readonly startsTs: Date
  readonly endsTs: Date
  readonly reason: string
  readonly createdBy: string
  readonly createdTs: Date
}

const COLUMNS = `s.silence_id AS "silenceId", s.kind, s.matcher, s.up_to AS "upTo", s.starts_ts AS "startsTs",
       s.ends_ts AS "endsTs", s.reason, s.created_by AS "createdBy", s.created_ts AS "createdTs"`

/** Silences, the one that ends last first; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listSilences(
  db: Queryable,
  {
    endsAfter,
    limit,
    after,
  }: { readonly endsAfter?: Date | undefined; readonly limit: number; readonly after?: string | undefined },
): Promise<SilenceRow[]> {
  const { rows } = await db.query<SilenceRow>(
    `SELECT ${COLUMNS} FROM alert_silences s
      WHERE ($1::timestamptz IS NULL OR s.ends_ts > $1)
        AND ($2::text IS NULL OR (s.ends_ts, s.silence_id) < (SELECT l.ends_ts, l.silence_id FROM alert_silences l WHERE l.silence_id = $2))
      ORDER BY s.ends_ts DESC, s.silence_id DESC LIMIT $3`,
    [endsAfter ?? null, after ?? null, limit + 1],
  )
  return rows
}

/** Stores a silence that was checked, with its audit record. @throws GRD_STORE_* */
export const createSilence = (
  db: Database,
  silence: Omit<SilenceRow, 'createdBy' | 'createdTs'>,
  by: ChangeBy,
): Promise<SilenceRow> =>
  withTransaction(db, async (tx) => {
    const { silenceId, kind, matcher, upTo, startsTs, endsTs, reason } = silence
    const { rows } = await tx.query<SilenceRow>(
      `INSERT INTO alert_silences AS s (silence_id, kind, matcher, up_to, starts_ts, ends_ts, reason, created_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${COLUMNS}`,
      [silenceId, kind, matcher, upTo, startsTs, endsTs, reason, by.actor],
    )
    return auditRow(tx, by, SILENCE, 'silence.create', null, rows[0])
  })

/**
 * Ends a silence now; one that has not begun is over before it begins. Repeating it changes nothing.
 * @returns undefined when there is no such silence
 * @throws GRD_STORE_*
 */
export const endSilence = (db: Database, silenceId: string, now: Date, by: ChangeBy): Promise<SilenceRow | undefined> =>
  withTransaction(db, async (tx) => {
    const found = await tx.query<SilenceRow>(
      `SELECT ${COLUMNS} FROM alert_silences s WHERE s.silence_id = $1 FOR UPDATE`,
      [silenceId],
    )
    const [before] = found.rows
    if (before === undefined || before.endsTs <= now) return before
    const { rows } = await tx.query<SilenceRow>(
      `UPDATE alert_silences AS s SET ends_ts = greatest($2, s.starts_ts + interval '1 millisecond')
        WHERE s.silence_id = $1 RETURNING ${COLUMNS}`,
      [silenceId, now],
    )
    return auditRow(tx, by, SILENCE, 'silence.end', before, rows[0])
  })

const SILENCE: AuditedRow<SilenceRow> = {
  target: ({ silenceId }) => `silence/${silenceId}`,
  shown: ({ startsTs, endsTs, createdTs, ...rest }) => ({
    ...rest,
    startsTs: startsTs.toISOString(),
    endsTs: endsTs.toISOString(),
    createdTs: createdTs.toISOString(),
  }),
}
