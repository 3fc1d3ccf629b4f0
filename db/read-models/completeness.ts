import type { Queryable } from '../pool.js'
import { logNow } from '../stores/topic-logs.js'

/** Both sides of a partition's equation, as of its last checkpoint. */
export interface PartitionCounts {
  readonly topic: string
  readonly kafkaPartition: number
  /** Where counting began. */
  readonly firstOffset: number
  readonly nextOffset: number
  /** Offsets that hold no record. */
  readonly voidOffsets: number
  /** Records that are no events, by which idle partitions go on. */
  readonly ticks: number
  readonly accepted: number
  readonly duplicate: number
  readonly late: number
  readonly dead: number
  /** Offsets that Kafka had deleted before they were read. */
  readonly inDataGaps: number
  /** What producers report of the minutes that are kept; null when none does. */
  readonly reported: number | null
  /** Of the reported records, those that are not counted in their minutes. */
  readonly uncounted: number
  /** Minutes of event time that have such records, and the first of them. */
  readonly incompleteMinutes: number
  readonly oldestIncompleteMinute: Date | null
  /** Records counted without an event time, beyond those that were reported so: they can be of any minute. */
  readonly undated: number
}

/** One minute of event time of one partition. */
export interface MinuteRow {
  readonly topic: string
  readonly kafkaPartition: number
  readonly minute: Date
  /** Null when no producer has reported it. */
  readonly reported: number | null
  readonly accepted: number
  readonly duplicate: number
  readonly late: number
  readonly dead: number
}

export interface CompletenessRows {
  readonly partitions: PartitionCounts[]
  readonly minutes: MinuteRow[]
}

/** What was reported of each minute that is kept, beside what was counted. */
const REPORTED = `
reported AS (
  SELECT p.topic, p.kafka_partition, p.clock, p.minute, sum(p.records)::bigint AS records
    FROM produced_counts p
    JOIN detector_checkpoints c ON c.topic = p.topic AND c.kafka_partition = p.kafka_partition
   WHERE p.clock = 'append' OR c.minutes_from IS NULL OR p.minute >= c.minutes_from
   GROUP BY p.topic, p.kafka_partition, p.clock, p.minute
), compared AS (
  SELECT r.topic, r.kafka_partition, r.clock, r.minute, r.records,
         coalesce(m.accepted + m.duplicate + m.late + m.dead, 0) AS counted
    FROM reported r
    LEFT JOIN minute_counts m ON m.topic = r.topic AND m.kafka_partition = r.kafka_partition
     AND m.clock = r.clock AND m.minute = r.minute
)`

const PARTITIONS = `
WITH ${REPORTED}, sums AS (
  SELECT d.topic, d.kafka_partition, sum(d.records)::bigint AS reported,
         coalesce(sum(greatest(d.records - d.counted, 0)) FILTER (WHERE d.clock = 'event'), 0)::bigint AS uncounted,
         count(*) FILTER (WHERE d.clock = 'event' AND d.records > d.counted) AS incomplete,
         min(d.minute) FILTER (WHERE d.clock = 'event' AND d.records > d.counted) AS oldest_incomplete,
         coalesce(sum(d.records) FILTER (WHERE d.clock = 'append'), 0)::bigint AS undated
    FROM compared d GROUP BY d.topic, d.kafka_partition
), undated AS (
  SELECT m.topic, m.kafka_partition, sum(m.accepted + m.duplicate + m.late + m.dead)::bigint AS records
    FROM minute_counts m WHERE m.clock = 'append' GROUP BY m.topic, m.kafka_partition
)
SELECT c.topic, c.kafka_partition AS "kafkaPartition", c.first_offset AS "firstOffset", c.next_offset AS "nextOffset",
       c.void_offsets AS "voidOffsets", c.ticks, c.accepted, c.duplicate, c.late, c.dead,
       (SELECT coalesce(sum(g.to_offset - g.from_offset), 0)::bigint FROM data_gaps g
         WHERE g.topic = c.topic AND g.kafka_partition = c.kafka_partition AND g.cause = 'retention' AND g.log = ${logNow('c.topic')}
           AND g.from_offset >= c.first_offset) AS "inDataGaps",
       s.reported, coalesce(s.uncounted, 0) AS uncounted,
       coalesce(s.incomplete, 0) AS "incompleteMinutes", s.oldest_incomplete AS "oldestIncompleteMinute",
       greatest(coalesce(u.records, 0) - coalesce(s.undated, 0), 0) AS undated
  FROM detector_checkpoints c
  LEFT JOIN sums s ON s.topic = c.topic AND s.kafka_partition = c.kafka_partition
  LEFT JOIN undated u ON u.topic = c.topic AND u.kafka_partition = c.kafka_partition
 ORDER BY c.topic, c.kafka_partition
 LIMIT 10000`

/** Minutes that one answer has at most. */
export const MOST_MINUTES = 500

const MINUTES = `
WITH ${REPORTED}, shown AS (
  SELECT c.topic, c.kafka_partition, l.minute
    FROM detector_checkpoints c
   CROSS JOIN LATERAL (
     SELECT m.minute FROM minute_counts m
      WHERE m.topic = c.topic AND m.kafka_partition = c.kafka_partition AND m.clock = 'event'
      ORDER BY m.minute DESC LIMIT $1) l
  UNION
  SELECT d.topic, d.kafka_partition, d.minute FROM compared d WHERE d.clock = 'event' AND d.records > d.counted
)
SELECT s.topic, s.kafka_partition AS "kafkaPartition", s.minute, r.records AS reported, coalesce(m.accepted, 0) AS accepted,
       coalesce(m.duplicate, 0) AS duplicate, coalesce(m.late, 0) AS late, coalesce(m.dead, 0) AS dead
  FROM shown s
  LEFT JOIN minute_counts m ON m.topic = s.topic AND m.kafka_partition = s.kafka_partition
   AND m.clock = 'event' AND m.minute = s.minute
  LEFT JOIN reported r ON r.topic = s.topic AND r.kafka_partition = s.kafka_partition
   AND r.clock = 'event' AND r.minute = s.minute
 ORDER BY s.minute DESC, s.topic, s.kafka_partition
 LIMIT ${MOST_MINUTES}`

/**
 * What was counted of every partition and what producers say, and of its minutes the latest ones and those of which records
 * were reported that are not counted; at most 500 minutes, the latest first.
 * @param latest how many of the latest minutes of each partition
 * @throws GRD_STORE_*
 */
export async function readCompleteness(db: Queryable, latest: number): Promise<CompletenessRows> {
  const partitions = await db.query<PartitionCounts>(PARTITIONS, [], { name: 'completeness-partitions' })
  const minutes = await db.query<MinuteRow>(MINUTES, [latest], { name: 'completeness-minutes' })
  return { partitions: partitions.rows, minutes: minutes.rows }
}
