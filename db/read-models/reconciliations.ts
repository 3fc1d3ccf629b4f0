import type { AnomalyDifference } from '../../domain/reconciliation/compare-anomalies.js'
import type { Queryable } from '../pool.js'
import type { AnomalyKey } from './anomalies.js'

/** How the stored anomalies of a day compare with those that its archive gives. */
export interface ReconciliationRow {
  readonly day: string
  readonly expectedRows: number
  readonly storedRows: number
  readonly missing: number
  readonly extra: number
  readonly different: number
  readonly reconciledTs: Date
}

export interface ReconciliationPage {
  readonly limit: number
  /** The last day of the page before. */
  readonly before?: string | undefined
}

const COLUMNS = `r.day::text AS day, r.expected_rows AS "expectedRows", r.stored_rows AS "storedRows", r.missing, r.extra,
       r.different, r.reconciled_ts AS "reconciledTs"`

/** Days that were reconciled, newest first; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listReconciliations(
  db: Queryable,
  { limit, before }: ReconciliationPage,
): Promise<ReconciliationRow[]> {
  const { rows } = await db.query<ReconciliationRow>(
    `SELECT ${COLUMNS} FROM reconciliations r WHERE $1::date IS NULL OR r.day < $1 ORDER BY r.day DESC LIMIT $2`,
    [before ?? null, limit + 1],
  )
  return rows
}

/** @returns undefined for a day that was not reconciled @throws GRD_STORE_* */
export async function readReconciliation(db: Queryable, day: string): Promise<ReconciliationRow | undefined> {
  const { rows } = await db.query<ReconciliationRow>(`SELECT ${COLUMNS} FROM reconciliations r WHERE r.day = $1`, [day])
  return rows[0]
}

/** An anomaly that one side has and the other has not, or has otherwise. */
export type DifferenceRow = AnomalyKey & AnomalyDifference

export interface DifferencePage {
  readonly day: string
  readonly kind?: AnomalyDifference['kind'] | undefined
  readonly limit: number
  /** The key of the last row of the page before. */
  readonly after?: AnomalyKey | undefined
}

/**
 * What was found on a day, by window, session, rule and mode; one row more than asked for tells that there are others.
 * @throws GRD_STORE_*
 */
export async function listDifferences(
  db: Queryable,
  { day, kind, limit, after }: DifferencePage,
): Promise<DifferenceRow[]> {
  const { rows } = await db.query<DifferenceRow>(
    `SELECT d.kind, d.window_start AS "windowStart", d.session_id AS "sessionId", d.rule_id AS "ruleId", d.mode,
            d.expected, d.stored
       FROM reconciliation_differences d
      WHERE d.day = $1 AND ($2::text IS NULL OR d.kind = $2)
        AND ($3::timestamptz IS NULL OR (d.window_start, d.session_id, d.rule_id, d.mode) > ($3, $4::text, $5::text, $6::text))
      ORDER BY d.window_start, d.session_id, d.rule_id, d.mode LIMIT $7`,
    [
      day,
      kind ?? null,
      after?.windowStart ?? null,
      after?.sessionId ?? null,
      after?.ruleId ?? null,
      after?.mode ?? null,
      limit + 1,
    ],
  )
  return rows
}
