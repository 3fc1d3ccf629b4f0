import pg from 'pg'

const DAYS = 7
const ANOMALIES = 20_000

const DAY = `SELECT ensure_anomaly_partition(current_date - $1::int)`
const ROWS = `
INSERT INTO anomaly_sessions (session_id, user_id, rule_id, rule_version, window_start, window_end, event_count, distinct_items,
       status, mode, evidence, topic, kafka_partition, first_offset, last_offset, as_of_offset, produced_ts, kafka_ts, detected_ts,
       db_write_ts)
SELECT 's' || n, 'u' || n, 'HIGH_FREQUENCY', 1, w.at, w.at + interval '10 s', 61, 7, 'confirmed', 'active',
       jsonb_build_object('threshold', 50, 'observed', 61, 'first_event_id', md5(n::text), 'last_event_id', md5((-n)::text)),
       'km.clicks.v1', n % 4, n, n + 60, n + 60, w.at, w.at, w.at, w.at
  FROM generate_series(1, $1::int) AS n
 CROSS JOIN LATERAL (SELECT date_trunc('minute', now() - make_interval(mins => n % ${DAYS * 24 * 60 - 1_440})) AS at) AS w`
const KPI_DAYS = `
INSERT INTO kpi_days (day, fence, published_fence, published_ts, archive_version)
SELECT current_date - d, 1, 1, now(), 0 FROM generate_series(1, ${DAYS}) AS d`
const METRICS = `
INSERT INTO daily_metrics
SELECT current_date - d, traffic, 900000, 40000, 30000, 400000, 300000, 90000, 20000, 30000, 20000, 15000, 22000, 14000, 9000000,
       '{"EUR": 123456789, "USD": 98765432}'
  FROM generate_series(1, ${DAYS}) AS d CROSS JOIN unnest(ARRAY['all', 'clean', 'flagged']) AS traffic`

/** A week of anomalies and of figures. */
export async function fill(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  for (let day = -1; day <= DAYS + 1; day++) await client.query(DAY, [day])
  await client.query(ROWS, [ANOMALIES])
  await client.query(KPI_DAYS)
  await client.query(METRICS)
  await client.query('ANALYZE')
  await client.end()
}
