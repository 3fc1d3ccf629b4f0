import { addDays, type UtcDay } from '../../domain/utc-day.js'
import type { Queryable } from '../pool.js'

/** What is to be read of one log of one partition. */
export interface ArchivedLogRow {
  readonly kafkaPartition: number
  /** Milliseconds; 0 without any record. */
  readonly beforeMs: number
  readonly logHighMs: number
  /** Among the records that are read, in order. */
  readonly ticks: readonly { readonly offset: number; readonly atMs: number }[]
  readonly files: readonly {
    readonly path: string
    readonly rows: number
    readonly firstOffset: number
    readonly lastOffset: number
  }[]
}

export interface BackTestPartRow {
  readonly kafkaPartition: number
  /** The logs that the topic had under its name, the oldest first. */
  readonly logs: readonly ArchivedLogRow[]
}

/**
 * The logs of partitions that have records of the days, each with the files of the days, of the day before (to warm up: what is a
 * duplicate after midnight was accepted before it) and of the day after (a window ends there), and all that lie between
 * them in the log, because any record may have moved the watermark.
 */
const PARTS = `
WITH span AS (
  SELECT f.kafka_partition, f.log, min(f.first_offset) AS first_offset, max(f.last_offset) AS last_offset
    FROM archive_files f
   WHERE f.topic = $1 AND f.first_day <= $3 AND f.last_day >= $2
   GROUP BY f.kafka_partition, f.log
  HAVING bool_or(f.first_day < $3 AND f.last_day > $2)
)
SELECT s.kafka_partition AS "kafkaPartition",
       greatest((SELECT round(extract(epoch FROM max(f.event_high)) * 1000) FROM archive_files f
          WHERE f.topic = $1 AND f.kafka_partition = s.kafka_partition AND f.log = s.log AND f.last_offset < s.first_offset),
         (SELECT round(extract(epoch FROM max(t.tick_ts)) * 1000) FROM archive_ticks t
          WHERE t.topic = $1 AND t.kafka_partition = s.kafka_partition AND t.log = s.log AND t.kafka_offset < s.first_offset), 0)::bigint AS "beforeMs",
       greatest((SELECT round(extract(epoch FROM max(f.event_high)) * 1000) FROM archive_files f
         WHERE f.topic = $1 AND f.kafka_partition = s.kafka_partition AND f.log = s.log),
         (SELECT round(extract(epoch FROM max(t.tick_ts)) * 1000) FROM archive_ticks t
         WHERE t.topic = $1 AND t.kafka_partition = s.kafka_partition AND t.log = s.log))::bigint AS "logHighMs",
       coalesce((SELECT jsonb_agg(jsonb_build_object('offset', t.kafka_offset, 'atMs', round(extract(epoch FROM t.tick_ts) * 1000))
                 ORDER BY t.kafka_offset) FROM archive_ticks t
          WHERE t.topic = $1 AND t.kafka_partition = s.kafka_partition AND t.log = s.log
            AND t.kafka_offset >= s.first_offset AND t.kafka_offset <= s.last_offset), '[]') AS ticks,
       (SELECT jsonb_agg(jsonb_build_object('path', f.path, 'rows', f.row_count, 'firstOffset', f.first_offset,
                 'lastOffset', f.last_offset) ORDER BY f.path)
          FROM archive_files f WHERE f.topic = $1 AND f.kafka_partition = s.kafka_partition AND f.log = s.log
           AND f.last_offset >= s.first_offset AND f.first_offset <= s.last_offset) AS files
  FROM span s ORDER BY s.kafka_partition, s.log LIMIT 10000`

const PURCHASES = `
SELECT f.path FROM archive_files f WHERE f.topic = $1 AND f.first_day <= $3 AND f.last_day >= $2 ORDER BY f.path LIMIT 1000000`

/** What a back-test of the days reads of each partition. @throws GRD_STORE_* */
export async function readBackTestParts(
  db: Queryable,
  topic: string,
  days: readonly UtcDay[],
): Promise<BackTestPartRow[]> {
  const [first, last] = [days[0], days.at(-1)]
  if (first === undefined || last === undefined) return []
  const { rows } = await db.query<ArchivedLogRow>(PARTS, [topic, addDays(first, -1), addDays(last, 1)])
  const byPartition = new Map<number, ArchivedLogRow[]>()
  for (const log of rows) byPartition.set(log.kafkaPartition, [...(byPartition.get(log.kafkaPartition) ?? []), log])
  return [...byPartition].map(([kafkaPartition, logs]) => ({ kafkaPartition, logs }))
}

/** The files that have records of a topic on the days. @throws GRD_STORE_* */
export async function readFilesOfDays(db: Queryable, topic: string, days: readonly UtcDay[]): Promise<string[]> {
  const { rows } = await db.query<{ path: string }>(PURCHASES, [topic, days[0], days.at(-1)])
  return rows.map(({ path }) => path)
}
