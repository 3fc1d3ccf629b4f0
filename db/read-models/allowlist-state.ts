import { ALLOWLIST_KINDS, type AllowlistKind } from '../../domain/review/allowlist.js'
import { DAY_MS } from '../../domain/utc-day.js'
import type { Queryable } from '../pool.js'
import { isCoveredBy } from './review.js'

/** What the entries of one kind do, as of now. */
export interface AllowlistState {
  readonly kind: AllowlistKind
  /** Entries that have begun and not ended. */
  readonly inForce: number
  /** Those of them that end soon. */
  readonly endingSoon: number
  /** Anomalies in force of the last day's windows that an entry of the kind covers; one that two kinds cover is in both. */
  readonly anomalies: number
  /** The events of these anomalies' windows. */
  readonly events: number
}

/** So many of the newest anomalies of the last day are held against the entries. */
const COUNTED_ANOMALIES_MAX = 10_000

/** @param soonMs how far off an end is soon @throws GRD_STORE_* */
export async function readAllowlistState(db: Queryable, now: Date, soonMs: number): Promise<AllowlistState[]> {
  const { rows } = await db.query<AllowlistState>(
    `WITH recent AS MATERIALIZED (
       SELECT a.* FROM anomaly_sessions a
        WHERE a.window_start >= $3 AND a.window_start <= $2 AND a.mode = 'active' AND a.status <> 'retracted'
        ORDER BY a.window_start DESC LIMIT ${COUNTED_ANOMALIES_MAX})
     SELECT k.kind, f."inForce", f."endingSoon", s.anomalies, s.events
       FROM unnest($1::text[]) WITH ORDINALITY AS k (kind, place)
      CROSS JOIN LATERAL (
        SELECT count(*) AS "inForce", count(*) FILTER (WHERE e.ends_ts <= $4) AS "endingSoon"
          FROM allowlist_entries e WHERE e.kind = k.kind AND e.starts_ts <= $2 AND e.ends_ts > $2) f
      CROSS JOIN LATERAL (
        SELECT count(*) AS anomalies, coalesce(sum(a.event_count), 0)::bigint AS events FROM recent a
         WHERE EXISTS (SELECT FROM allowlist_entries e WHERE e.kind = k.kind AND ${isCoveredBy('e', 'a')})) s
      ORDER BY k.place`,
    [ALLOWLIST_KINDS, now, new Date(now.getTime() - DAY_MS), new Date(now.getTime() + soonMs)],
  )
  return rows
}
