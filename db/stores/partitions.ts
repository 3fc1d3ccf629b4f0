import type { Queryable } from '../pool.js'

/** A day partition of `anomaly_sessions`. */
export interface DayPartition {
  readonly name: string
  /** First `window_start` in it. */
  readonly from: Date
  /** First `window_start` no longer in it. */
  readonly to: Date
  /** As the planner believes since the last ANALYZE; 0 when it never looked. */
  readonly estimatedRows: number
}

const LIST = `
SELECT p.relname AS name, b.bounds[1]::timestamptz AS "from", b.bounds[2]::timestamptz AS "to",
       greatest(p.reltuples, 0)::bigint AS "estimatedRows"
  FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid
 CROSS JOIN LATERAL (
   SELECT regexp_match(pg_get_expr(p.relpartbound, p.oid), 'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') AS bounds
 ) b
 WHERE i.inhparent = 'anomaly_sessions'::regclass AND b.bounds IS NOT NULL AND NOT i.inhdetachpending
 ORDER BY b.bounds[1]::timestamptz
 LIMIT 10000`

/** The day partitions that are attached, oldest first. @throws GRD_STORE_* */
export async function listDayPartitions(db: Queryable): Promise<DayPartition[]> {
  return (await db.query<DayPartition>(LIST)).rows
}

/**
 * Makes the partition of one UTC day, if there is none. May be repeated, also at the same time.
 * @param day YYYY-MM-DD
 * @returns whether it was made now
 * @throws GRD_STORE_CONFLICT when a lock was not free in time: try again; GRD_STORE_*
 */
export async function ensureDayPartition(db: Queryable, day: string): Promise<boolean> {
  const { rows } = await db.query<{ made: boolean }>('SELECT ensure_anomaly_partition($1::date) AS made', [day])
  return rows[0]?.made === true
}
