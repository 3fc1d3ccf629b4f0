import type { AllowlistKind } from '../../domain/review/allowlist.js'
import type { Verdict } from '../../domain/review/verdict.js'
import type { Queryable } from '../pool.js'
import type { AnomalyKey } from './anomalies.js'
import { isCoveredBy } from './review.js'

interface Recorded {
  /** Of its audit record. */
  readonly seq: number
  readonly recordedTs: Date
  readonly actorName: string
}

/** A verdict that was given, or an entry of the allowlist that was made or ended. */
export type ReviewChange = Recorded &
  (
    | {
        readonly action: 'anomaly.verdict'
        readonly anomaly: AnomalyKey
        readonly after: { readonly version: number; readonly verdict: Verdict; readonly comment: string }
      }
    | { readonly action: 'allowlist.add' | 'allowlist.end'; readonly after: RecordedEntry }
  )

interface RecordedEntry {
  readonly entryId: string
  readonly kind: AllowlistKind
  readonly startsTs: string
  readonly endsTs: string
}

interface Row extends Recorded {
  readonly action: ReviewChange['action']
  readonly target: string
  readonly after: unknown
}

/** So many records are looked at in one query. */
const PAGE = 1_000

/** The seq of the last audit record; 0 without one. @throws GRD_STORE_* */
export async function readAuditHead(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ head: number | null }>('SELECT max(a.seq) AS head FROM audit_log a')
  return rows[0]?.head ?? 0
}

/**
 * What was said of anomalies behind a record of the audit log, in its order. Those who write to it wait for one another
 * until their transactions end: nothing appears later behind a seq that was seen.
 * @returns the changes, and how far was looked
 * @throws GRD_STORE_*
 */
export async function readReviewChanges(
  db: Queryable,
  after: number,
): Promise<{ readonly changes: ReviewChange[]; readonly upTo: number }> {
  const { rows } = await db.query<Row>(
    `SELECT a.seq, a.recorded_ts AS "recordedTs", a.actor_name AS "actorName", a.action, a.target,
            CASE WHEN a.action IN ('anomaly.verdict', 'allowlist.add', 'allowlist.end') THEN a.after END AS after
       FROM audit_log a WHERE a.seq > $1 AND a.seq <= $1::bigint + ${PAGE} ORDER BY a.seq`,
    [after],
    { name: 'review-changes' },
  )
  return { changes: rows.flatMap(changeOf), upTo: rows.at(-1)?.seq ?? after }
}

const TARGET = /^anomaly\/([^/]+)\/(active|shadow)\/([^/]+)\/(.*)$/s

function changeOf({ target, ...row }: Row): ReviewChange[] {
  if (row.action !== 'anomaly.verdict') return row.action.startsWith('allowlist.') ? [row as ReviewChange] : []
  const [, ruleId, mode, start, sessionId] = TARGET.exec(target) ?? []
  if (ruleId === undefined || start === undefined || sessionId === undefined) return []
  const anomaly = { ruleId, sessionId, windowStart: new Date(start), mode: mode === 'shadow' ? 'shadow' : 'active' }
  return [{ ...row, anomaly } as ReviewChange]
}

/** So many of the newest anomalies in an entry's time are held against it. */
const HELD_MAX = 10_000

/** The newest anomalies that an entry of the allowlist covers. @throws GRD_STORE_* */
export async function readCovered(db: Queryable, entryId: string, limit: number): Promise<AnomalyKey[]> {
  const { rows } = await db.query<AnomalyKey>(
    `SELECT a.window_start AS "windowStart", a.session_id AS "sessionId", a.rule_id AS "ruleId", a.mode
       FROM allowlist_entries e
      CROSS JOIN LATERAL (SELECT n.* FROM anomaly_sessions n WHERE n.window_start < e.ends_ts AND n.window_end > e.starts_ts
                           ORDER BY n.window_start DESC LIMIT ${HELD_MAX}) a
      WHERE e.entry_id = $1 AND ${isCoveredBy('e', 'a')}
      ORDER BY a.window_start DESC, a.session_id, a.rule_id, a.mode LIMIT $2`,
    [entryId, limit],
  )
  return rows
}
