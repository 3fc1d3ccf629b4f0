import type { AnomalyDifference } from '../../domain/reconciliation/compare-anomalies.js'
import type { UtcDay } from '../../domain/utc-day.js'
import type { Database } from '../pool.js'
import { withTransaction } from '../with-transaction.js'

export interface Reconciliation {
  readonly day: UtcDay
  readonly expectedRows: number
  readonly storedRows: number
  readonly differences: readonly AnomalyDifference[]
  readonly reconciledMs: number
}

/** Differences of a day that are stored; all are counted. */
const MAX_STORED_DIFFERENCES = 10_000

const SUMMARY = `
INSERT INTO reconciliations AS r (day, expected_rows, stored_rows, missing, extra, different, reconciled_ts)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (day) DO UPDATE SET expected_rows = excluded.expected_rows, stored_rows = excluded.stored_rows,
  missing = excluded.missing, extra = excluded.extra, different = excluded.different, reconciled_ts = excluded.reconciled_ts`

const DIFFERENCES = `
INSERT INTO reconciliation_differences (day, kind, session_id, rule_id, mode, window_start, expected, stored)
SELECT $1, d.kind, d.session_id, d.rule_id, d.mode, to_timestamp(d.window_start_ms / 1000.0), d.expected, d.stored
  FROM jsonb_to_recordset($2::jsonb) AS d (kind text, session_id text, rule_id text, mode text, window_start_ms bigint,
       expected jsonb, stored jsonb)`

/** Stores how a day compares, in place of what was found before. @throws GRD_STORE_* */
export async function storeReconciliation(db: Database, found: Reconciliation): Promise<void> {
  const { day, differences } = found
  const count = (kind: AnomalyDifference['kind']): number => differences.filter((d) => d.kind === kind).length
  const rows = differences.slice(0, MAX_STORED_DIFFERENCES).map((difference) => {
    const { session_id, rule_id, mode, window_start_ms } = difference.expected ?? difference.stored ?? {}
    return { ...difference, session_id, rule_id, mode, window_start_ms }
  })
  await withTransaction(db, async (tx) => {
    await tx.query(SUMMARY, [
      day,
      found.expectedRows,
      found.storedRows,
      count('missing'),
      count('extra'),
      count('different'),
      new Date(found.reconciledMs),
    ])
    await tx.query('DELETE FROM reconciliation_differences d WHERE d.day = $1', [day])
    await tx.query(DIFFERENCES, [day, JSON.stringify(rows)])
  })
}
