import type { MinuteClock, MinuteCount } from '../../domain/detection/minute-counts.js'
import type { Queryable } from '../pool.js'
import type { PartitionName } from './partition-name.js'

const ADD = `
INSERT INTO minute_counts AS stored (topic, kafka_partition, clock, minute, accepted, duplicate, late, dead)
SELECT $1, $2, m.clock, m.minute, m.accepted, m.duplicate, m.late, m.dead
  FROM unnest($3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
       AS m (clock, minute, accepted, duplicate, late, dead)
ON CONFLICT (topic, kafka_partition, clock, minute) DO UPDATE
   SET accepted = stored.accepted + excluded.accepted, duplicate = stored.duplicate + excluded.duplicate,
       late = stored.late + excluded.late, dead = stored.dead + excluded.dead`

/** Adds what was counted since the last checkpoint. Only within the transaction of the next one is it counted once. */
export async function addMinuteCounts(
  tx: Queryable,
  { topic, partition }: PartitionName,
  minutes: readonly MinuteCount[],
): Promise<void> {
  if (minutes.length === 0) return
  const instants = minutes.map(({ minuteMs }) => new Date(minuteMs).toISOString())
  await tx.query(ADD, [
    topic,
    partition,
    minutes.map(({ clock }) => clock),
    instants,
    minutes.map(({ counts }) => counts.accepted),
    minutes.map(({ counts }) => counts.duplicate),
    minutes.map(({ counts }) => counts.late),
    minutes.map(({ counts }) => counts.dead),
  ])
}

/** From where minutes are kept, on both clocks. */
export interface KeptMinutes {
  readonly eventFromMs: number
  readonly appendFromMs: number
}

/** Rows of each table that one checkpoint removes at most. */
const MAX_REMOVED = 2_000

const removalFrom = (table: 'minute_counts' | 'produced_counts'): string => `
DELETE FROM ${table} t WHERE t.ctid = ANY (ARRAY(
  SELECT o.ctid FROM ${table} o
   WHERE o.topic = $1 AND o.kafka_partition = $2
     AND ((o.clock = 'event' AND o.minute < $3) OR (o.clock = 'append' AND o.minute < $4)) LIMIT ${MAX_REMOVED}))`

/** Removes some of the counts of a partition that are too old; the rest is left to the checkpoints that follow. */
export async function removeOldMinutes(tx: Queryable, name: PartitionName, kept: KeptMinutes): Promise<void> {
  const params = [name.topic, name.partition, instantOf(kept.eventFromMs), instantOf(kept.appendFromMs)]
  await tx.query(removalFrom('minute_counts'), params)
  await tx.query(removalFrom('produced_counts'), params)
}

const instantOf = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString() : '-infinity')

/** Records of one minute that a producer has had acknowledged, all in all. */
export interface ProducedCount extends PartitionName {
  readonly clock: MinuteClock
  readonly minuteMs: number
  readonly records: number
}

const REPORT = `
INSERT INTO produced_counts AS stored (topic, kafka_partition, clock, minute, source, records)
SELECT p.topic, p.kafka_partition, p.clock, p.minute, $1, p.records
  FROM unnest($2::text[], $3::integer[], $4::text[], $5::timestamptz[], $6::bigint[])
       AS p (topic, kafka_partition, clock, minute, records)
ON CONFLICT (topic, kafka_partition, clock, minute, source) DO UPDATE
   SET records = greatest(stored.records, excluded.records), reported_ts = now()`

/**
 * Stores what a producer has had acknowledged. The counts are those since its beginning, so that the same report twice is
 * the same as once.
 * @param source names this run of the producer and no other
 */
export async function reportProduced(db: Queryable, source: string, counts: readonly ProducedCount[]): Promise<void> {
  if (counts.length === 0) return
  await db.query(REPORT, [
    source,
    counts.map(({ topic }) => topic),
    counts.map(({ partition }) => partition),
    counts.map(({ clock }) => clock),
    counts.map(({ minuteMs }) => new Date(minuteMs).toISOString()),
    counts.map(({ records }) => records),
  ])
}
