import type { Queryable } from '../pool.js'

/** p50, p95 and p99 in milliseconds; null without a sample. */
export type Percentiles = readonly [number, number, number] | null

/** How long anomalies took, stage by stage, from the four times of each. */
export interface StageTimes {
  readonly samples: number
  /** Anomalies of events that were taken in too long after they happened: they are in no other number. */
  readonly backdated: number
  /** Longer than the target, end to end. */
  readonly slow: number
  readonly producedToKafka: Percentiles
  readonly kafkaToDetected: Percentiles
  readonly detectedToWritten: Percentiles
  readonly endToEnd: Percentiles
}

export interface StageTimesLimits {
  /** Slower than this, end to end, is slow. */
  readonly targetMs: number
  /** How long after it happened an event may be taken in and still be live. */
  readonly allowedLatenessMs: number
}

const ms = (from: string, to: string) => `greatest(0, extract(epoch FROM a.${to} - a.${from}) * 1000)::float8`
const percentiles = (from: string, to: string) =>
  `percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ${ms(from, to)})`

/**
 * The times of the anomalies of active rules that were first written in a span. Only live events count: a window that
 * had ended more than the allowed lateness before its event was taken in holds days of the past (a simulated day, an old
 * log), which are sent as fast as they can be.
 * @param from first `db_write_ts` counted @param to first one no longer counted
 * @throws GRD_STORE_*
 */
export async function readStageTimes(
  db: Queryable,
  from: Date,
  to: Date,
  { targetMs, allowedLatenessMs }: StageTimesLimits,
): Promise<StageTimes> {
  const { rows } = await db.query<StageTimes>(
    `WITH written AS (
       SELECT a.produced_ts, a.kafka_ts, a.detected_ts, a.db_write_ts,
              a.produced_ts > a.window_end + $4 * interval '1 millisecond' AS is_backdated
         FROM anomaly_sessions a
        WHERE a.db_write_ts >= $1 AND a.db_write_ts < $2 AND a.mode = 'active')
     SELECT count(*) AS samples,
            (SELECT count(*) FROM written w WHERE w.is_backdated) AS backdated,
            count(*) FILTER (WHERE ${ms('produced_ts', 'db_write_ts')} > $3) AS slow,
            ${percentiles('produced_ts', 'kafka_ts')} AS "producedToKafka",
            ${percentiles('kafka_ts', 'detected_ts')} AS "kafkaToDetected",
            ${percentiles('detected_ts', 'db_write_ts')} AS "detectedToWritten",
            ${percentiles('produced_ts', 'db_write_ts')} AS "endToEnd"
       FROM written a
      WHERE NOT a.is_backdated`,
    [from, to, targetMs, allowedLatenessMs],
  )
  const [row] = rows
  if (row === undefined) throw new Error('an aggregate gave no row')
  return row
}
