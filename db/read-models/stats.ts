import type { Queryable } from '../pool.js'

/** What one partition of the log has been counted to, as of its last checkpoint. */
export interface PartitionStats {
  readonly topic: string
  readonly kafkaPartition: number
  readonly nextOffset: number
  /** Null before the first event was accepted. */
  readonly watermark: Date | null
  readonly accepted: number
  readonly duplicate: number
  readonly late: number
  readonly dead: number
  /** Between the last two checkpoints; null before the second. */
  readonly recordsPerSecond: number | null
  readonly updatedTs: Date
}

export interface AnomalyCount {
  readonly ruleId: string
  readonly mode: 'active' | 'shadow'
  readonly status: 'open' | 'confirmed' | 'retracted'
  readonly anomalies: number
  /** Different sessions among them. */
  readonly sessions: number
}

export interface Stats {
  readonly partitions: PartitionStats[]
  /** Windows that start in [from, to). */
  readonly anomalies: AnomalyCount[]
  readonly dataGaps: number
  /** By source, most first. */
  readonly misplaced: MisplacedSourceStats[]
}

/** Records of a producer that are not on the partition of their session, or have no key. */
export interface MisplacedSourceStats {
  readonly topic: string
  readonly source: string
  readonly misplaced: number
  readonly keyless: number
  readonly lastTs: Date
}

const PARTITIONS = `
SELECT c.topic, c.kafka_partition AS "kafkaPartition", c.next_offset AS "nextOffset", c.watermark,
       c.accepted, c.duplicate, c.late, c.dead, c.updated_ts AS "updatedTs",
       c.records_per_second AS "recordsPerSecond"
  FROM detector_checkpoints c
 ORDER BY c.topic, c.kafka_partition
 LIMIT 10000`

const ANOMALIES = `
SELECT a.rule_id AS "ruleId", a.mode, a.status, count(*) AS anomalies, count(DISTINCT a.session_id) AS sessions
  FROM anomaly_sessions a
 WHERE a.window_start >= $1 AND a.window_start < $2
 GROUP BY a.rule_id, a.mode, a.status
 ORDER BY a.rule_id, a.mode, a.status
 LIMIT 10000`

const MISPLACED = `
SELECT m.topic, m.source, sum(m.misplaced)::bigint AS misplaced, sum(m.keyless)::bigint AS keyless, max(m.last_ts) AS "lastTs"
  FROM misplaced_sources m
 GROUP BY m.topic, m.source ORDER BY sum(m.misplaced) + sum(m.keyless) DESC, m.topic, m.source LIMIT 100`

const GAPS = `SELECT count(*) AS gaps FROM data_gaps g`

/**
 * The numbers of the overview: what every partition has been counted to, and the anomalies of a span.
 * @param from first `window_start` counted
 * @param to first `window_start` no longer counted
 * @throws GRD_STORE_*
 */
export async function readStats(db: Queryable, from: Date, to: Date): Promise<Stats> {
  const [partitions, anomalies, gaps, misplaced] = await Promise.all([
    db.query<PartitionStats>(PARTITIONS, [], { name: 'stats-partitions' }),
    db.query<AnomalyCount>(ANOMALIES, [from, to]),
    db.query<{ gaps: number }>(GAPS, [], { name: 'stats-gaps' }),
    db.query<MisplacedSourceStats>(MISPLACED, [], { name: 'stats-misplaced' }),
  ])
  return {
    partitions: partitions.rows,
    anomalies: anomalies.rows,
    dataGaps: gaps.rows[0]?.gaps ?? 0,
    misplaced: misplaced.rows,
  }
}

/** The watermark of each partition of a topic as of its last checkpoint; none before its first event. @throws GRD_STORE_* */
export async function readWatermarks(db: Queryable, topic: string): Promise<ReadonlyMap<number, Date>> {
  const { rows } = await db.query<{ partition: number; watermark: Date }>(
    `SELECT c.kafka_partition AS partition, c.watermark FROM detector_checkpoints c
      WHERE c.topic = $1 AND c.watermark IS NOT NULL LIMIT 10000`,
    [topic],
  )
  return new Map(rows.map(({ partition, watermark }) => [partition, watermark]))
}
