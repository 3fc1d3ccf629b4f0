import type { Anomaly } from '../../domain/detection/anomaly.js'
import { GuardianError } from '../../domain/errors.js'
import type { Queryable } from '../pool.js'
import { ensureDayPartition } from './partitions.js'

/** A version of an anomaly's row, with the origin that makes its offsets mean something. */
export interface AnomalyRow {
  readonly topic: string
  readonly partition: number
  readonly anomaly: Anomaly
  /** When the rule fired, by the wall clock of the process that saw it first. */
  readonly detectedMs: number
}

/** A row only moves forward: what a replay writes again changes nothing, nor does a process that has lost its partition. */
const UPSERT = `
INSERT INTO anomaly_sessions AS stored (
  session_id, user_id, rule_id, rule_version, window_start, window_end, event_count, distinct_items, status, mode,
  evidence, topic, kafka_partition, first_offset, last_offset, as_of_offset, produced_ts, kafka_ts, detected_ts)
SELECT * FROM jsonb_to_recordset($1::jsonb) AS version (
  session_id text, user_id text, rule_id text, rule_version int, window_start timestamptz, window_end timestamptz,
  event_count int, distinct_items int, status text, mode text, evidence jsonb, topic text, kafka_partition int,
  first_offset bigint, last_offset bigint, as_of_offset bigint, produced_ts timestamptz, kafka_ts timestamptz,
  detected_ts timestamptz)
ON CONFLICT (window_start, session_id, rule_id, mode) DO UPDATE SET
  user_id = excluded.user_id, rule_version = excluded.rule_version, window_end = excluded.window_end,
  event_count = excluded.event_count, distinct_items = excluded.distinct_items, status = excluded.status,
  evidence = excluded.evidence, topic = excluded.topic, kafka_partition = excluded.kafka_partition,
  first_offset = excluded.first_offset, last_offset = excluded.last_offset, as_of_offset = excluded.as_of_offset
WHERE stored.as_of_offset < excluded.as_of_offset`

const iso = (ms: number): string => new Date(ms).toISOString()

/** Two statements that write the same rows, a checkpoint's and the fast writer's, must lock them in one order. */
const byKey = ({ anomaly: a }: AnomalyRow, { anomaly: b }: AnomalyRow): number =>
  a.windowStartMs - b.windowStartMs ||
  compare(a.sessionId, b.sessionId) ||
  compare(a.ruleId, b.ruleId) ||
  compare(a.mode, b.mode)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Writes row versions in one statement. At most one version of each row may be given. They go as one JSON document: to
 * make an array of each column took the driver twice as long.
 * @throws GRD_PARTITION_MISSING when a day has no partition; GRD_STORE_*
 */
export async function upsertAnomalies(db: Queryable, versions: readonly AnomalyRow[]): Promise<void> {
  if (versions.length === 0) return
  const rows = [...versions].sort(byKey).map(columnsOf)
  await db.query(UPSERT, [JSON.stringify(rows)], { name: 'upsert_anomalies' })
}

/** By the names of the table's columns. */
const columnsOf = ({ topic, partition, detectedMs, anomaly: a }: AnomalyRow) => ({
  session_id: a.sessionId,
  user_id: a.userId,
  rule_id: a.ruleId,
  rule_version: a.ruleVersion,
  window_start: iso(a.windowStartMs),
  window_end: iso(a.windowEndMs),
  event_count: a.eventCount,
  distinct_items: a.distinctItems,
  status: a.status,
  mode: a.mode,
  evidence: a.evidence,
  topic,
  kafka_partition: partition,
  first_offset: a.firstOffset,
  last_offset: a.lastOffset,
  as_of_offset: a.asOfOffset,
  produced_ts: iso(a.producedMs),
  kafka_ts: iso(a.kafkaMs),
  detected_ts: iso(detectedMs),
})

/** Makes sure that the day partitions of rows exist; a day once seen is not asked for again. */
export class DayPartitions {
  readonly #known = new Set<string>()

  async ensureFor(db: Queryable, rows: readonly AnomalyRow[]): Promise<void> {
    const days = new Set(rows.map(({ anomaly }) => iso(anomaly.windowStartMs).slice(0, 10)))
    for (const day of days) {
      if (this.#known.has(day)) continue
      await ensureDayPartition(db, day)
      this.#known.add(day)
    }
  }

  /** After GRD_PARTITION_MISSING: maintenance has dropped a day that was known. */
  forgetOn(error: unknown): void {
    if (error instanceof GuardianError && error.code === 'GRD_PARTITION_MISSING') this.#known.clear()
  }
}
