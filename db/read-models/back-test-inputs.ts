import { addDays, type UtcDay } from '../../domain/utc-day.js'
import type { Queryable } from '../pool.js'

export interface BackTestPartRow {
  readonly kafkaPartition: number
  /** Milliseconds; 0 without any record. */
  readonly beforeMs: number
  readonly logHighMs: number
  readonly files: readonly {
    readonly path: string
    readonly rows: number
    readonly firstOffset: number
    readonly lastOffset: number
  }[]
}

/**
 * The partitions that have records of the days, each with the files of the days, of the day before (to warm up: what is a
 * duplicate after midnight was accepted before it) and of the day after (a window ends there), and all that lie between
 * them in the log, because any record may have moved the watermark.
 */
const PARTS = `
WITH span AS (
  SELECT f.kafka_partition, min(f.first_offset) AS first_offset, max(f.last_offset) AS last_offset
    FROM archive_files f
   WHERE f.topic = $1 AND f.first_day <= $3 AND f.last_day >= $2
   GROUP BY f.kafka_partition
  HAVING bool_or(f.first_day < $3 AND f.last_day > $2)
)
SELECT s.kafka_partition AS "kafkaPartition",
       coalesce((SELECT round(extract(epoch FROM max(f.event_high)) * 1000) FROM archive_files f
          WHERE f.topic = $1 AND f.kafka_partition = s.kafka_partition AND f.last_offset < s.first_offset), 0)::bigint AS "beforeMs",
       coalesce(round(extract(epoch FROM c.event_high) * 1000), 0)::bigint AS "logHighMs",
       (SELECT jsonb_agg(jsonb_build_object('path', f.path, 'rows', f.row_count, 'firstOffset', f.first_offset,
                 'lastOffset', f.last_offset) ORDER BY f.path)
          FROM archive_files f WHERE f.topic = $1 AND f.kafka_partition = s.kafka_partition
           AND f.last_offset >= s.first_offset AND f.first_offset <= s.last_offset) AS files
  FROM span s LEFT JOIN archive_checkpoints c ON c.topic = $1 AND c.kafka_partition = s.kafka_partition
 ORDER BY s.kafka_partition LIMIT 10000`

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
  return (await db.query<BackTestPartRow>(PARTS, [topic, addDays(first, -1), addDays(last, 1)])).rows
}

/** The files that have records of a topic on the days. @throws GRD_STORE_* */
export async function readFilesOfDays(db: Queryable, topic: string, days: readonly UtcDay[]): Promise<string[]> {
  const { rows } = await db.query<{ path: string }>(PURCHASES, [topic, days[0], days.at(-1)])
  return rows.map(({ path }) => path)
}
