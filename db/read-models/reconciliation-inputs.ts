import type { ReconciledAnomaly } from '../../domain/reconciliation/compare-anomalies.js'
import type { LogPart, RulePart, TickPart } from '../../domain/reconciliation/log-parts.js'
import { addDays, startOfDayMs, type UtcDay } from '../../domain/utc-day.js'
import type { Queryable } from '../pool.js'

export interface ReconciliationInputs {
  readonly files: readonly { readonly path: string; readonly log: number; readonly rows: number }[]
  readonly parts: readonly LogPart[]
  readonly rules: readonly RulePart[]
  /** Behind the first offset of the files; in order. */
  readonly ticks: readonly TickPart[]
}

/**
 * Files that have rows of the day, or of the day after it (a window that begins before midnight ends behind it), and all
 * that lie between them in their log, because any record may have moved the watermark.
 */
const FILES = `
WITH span AS (
  SELECT f.kafka_partition, f.log, min(f.first_offset) AS first_offset, max(f.last_offset) AS last_offset
    FROM archive_files f
   WHERE f.topic = $2 AND f.first_day <= $1::date + 1 AND f.last_day >= $1
   GROUP BY f.kafka_partition, f.log
)
SELECT coalesce((SELECT jsonb_agg(jsonb_build_object('path', f.path, 'log', f.log, 'rows', f.row_count) ORDER BY f.path)
                   FROM archive_files f JOIN span s ON s.kafka_partition = f.kafka_partition AND s.log = f.log
                  WHERE f.topic = $2 AND f.last_offset >= s.first_offset AND f.first_offset <= s.last_offset), '[]') AS files,
       coalesce((SELECT jsonb_agg(jsonb_build_object('kafka_partition', s.kafka_partition, 'log', s.log,
                   'before_ms', greatest((SELECT round(extract(epoch FROM max(f.event_high)) * 1000) FROM archive_files f
                      WHERE f.topic = $2 AND f.kafka_partition = s.kafka_partition AND f.log = s.log AND f.last_offset < s.first_offset),
                      (SELECT round(extract(epoch FROM max(t.tick_ts)) * 1000) FROM archive_ticks t
                      WHERE t.topic = $2 AND t.kafka_partition = s.kafka_partition AND t.log = s.log AND t.kafka_offset < s.first_offset), 0),
                   'last_ms', greatest((SELECT round(extract(epoch FROM max(f.event_high)) * 1000) FROM archive_files f
                      WHERE f.topic = $2 AND f.kafka_partition = s.kafka_partition AND f.log = s.log),
                      (SELECT round(extract(epoch FROM max(t.tick_ts)) * 1000) FROM archive_ticks t
                      WHERE t.topic = $2 AND t.kafka_partition = s.kafka_partition AND t.log = s.log))) ORDER BY s.log, s.kafka_partition)
                   FROM span s), '[]') AS parts,
       coalesce((SELECT jsonb_agg(jsonb_build_object('kafka_partition', t.kafka_partition, 'log', t.log, 'kafka_offset', t.kafka_offset,
                   'tick_ms', round(extract(epoch FROM t.tick_ts) * 1000)) ORDER BY t.log, t.kafka_partition, t.kafka_offset)
                   FROM archive_ticks t JOIN span s ON s.kafka_partition = t.kafka_partition AND s.log = t.log
                  WHERE t.topic = $2 AND t.kafka_offset >= s.first_offset AND t.kafka_offset <= s.last_offset), '[]') AS ticks`

const RULES = `
SELECT c.kafka_partition, c.log, c.from_offset,
       (SELECT min(n.from_offset) FROM detector_rule_changes n
         WHERE n.topic = c.topic AND n.kafka_partition = c.kafka_partition AND n.log = c.log AND n.from_offset > c.from_offset) AS to_offset,
       r->>'ruleId' AS rule_id, (r->>'version')::integer AS rule_version, r->>'mode' AS mode, r->>'kind' AS kind,
       r->'parameters' AS parameters
  FROM detector_rule_changes c, jsonb_array_elements(c.rules) r
 WHERE c.topic = $1`

/** What the anomalies of a day are recomputed from. @throws GRD_STORE_* */
export async function readReconciliationInputs(
  db: Queryable,
  topic: string,
  day: UtcDay,
): Promise<ReconciliationInputs> {
  const found = await db.query<Omit<ReconciliationInputs, 'rules'>>(FILES, [day, topic])
  const rules = await db.query<RulePart>(RULES, [topic])
  const [row] = found.rows
  return { files: row?.files ?? [], parts: row?.parts ?? [], rules: rules.rows, ticks: row?.ticks ?? [] }
}

/** The anomalies of windows that begin on a day, as the detector wrote them. @throws GRD_STORE_* */
export async function readStoredAnomalies(db: Queryable, topic: string, day: UtcDay): Promise<ReconciledAnomaly[]> {
  const { rows } = await db.query<ReconciledAnomaly>(
    `SELECT a.session_id, a.rule_id, a.rule_version, a.mode, (extract(epoch FROM a.window_start) * 1000)::bigint AS window_start_ms,
            a.kafka_partition, a.event_count, a.distinct_items, a.first_offset, a.last_offset, a.status
       FROM anomaly_sessions a WHERE a.window_start >= $1 AND a.window_start < $2 AND a.topic = $3`,
    [new Date(startOfDayMs(day)), new Date(startOfDayMs(addDays(day, 1))), topic],
  )
  return rows
}

export interface DetectorPosition {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
}

/** How far the detector's checkpoint of each partition is. @throws GRD_STORE_* */
export async function readDetectorPositions(db: Queryable): Promise<DetectorPosition[]> {
  const { rows } = await db.query<DetectorPosition>(
    `SELECT c.topic, c.kafka_partition AS partition, c.next_offset AS "nextOffset" FROM detector_checkpoints c
      ORDER BY c.topic, c.kafka_partition LIMIT 10000`,
  )
  return rows
}
