import type pg from 'pg'

/**
 * Anomalies that were written five minutes ago, as an attack would have them: 1,200 sessions of BOT_LIKE, and of
 * HIGH_FREQUENCY 100 in force and 1,700 in shadow.
 */
export const insertBursts = (db: pg.Pool, topic: string): Promise<unknown> =>
  db.query(
    `INSERT INTO anomaly_sessions (session_id, rule_id, rule_version, window_start, window_end, event_count, distinct_items,
        status, mode, evidence, topic, kafka_partition, first_offset, last_offset, as_of_offset, produced_ts, kafka_ts,
        detected_ts, db_write_ts)
      SELECT 's' || n, CASE WHEN n > 1200 THEN 'HIGH_FREQUENCY' ELSE 'BOT_LIKE' END, 1, now(), now() + interval '10 s', 200, 1, 'open',
             CASE WHEN n > 1300 THEN 'shadow' ELSE 'active' END, '{}', $1, 0, n, n, n, now(), now(), now(), now() - interval '5 minutes'
        FROM generate_series(1, 3000) n`,
    [topic],
  )
