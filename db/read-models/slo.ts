import type { Queryable } from '../pool.js'

/** p50, p95 and p99 in milliseconds; null without a sample. */
export type Percentiles = readonly [number, number, number] | null

/** How long anomalies took, stage by stage, from the four times of each. */
export interface StageTimes {
  readonly samples: number
  /** Longer than the target, end to end. */
  readonly slow: number
  readonly producedToKafka: Percentiles
  readonly kafkaToDetected: Percentiles
  readonly detectedToWritten: Percentiles
  readonly endToEnd: Percentiles
}

const ms = (from: string, to: string) => `greatest(0, extract(epoch FROM a.${to} - a.${from}) * 1000)::float8`
const percentiles = (from: string, to: string) =>
  `percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ${ms(from, to)})`

/**
 * The times of the anomalies of active rules that were first written in a span.
 * @param from first `db_write_ts` counted @param to first one no longer counted
 * @throws GRD_STORE_*
 */
export async function readStageTimes(db: Queryable, from: Date, to: Date, targetMs: number): Promise<StageTimes> {
  const { rows } = await db.query<StageTimes>(
    `SELECT count(*) AS samples,
            count(*) FILTER (WHERE ${ms('produced_ts', 'db_write_ts')} > $3) AS slow,
            ${percentiles('produced_ts', 'kafka_ts')} AS "producedToKafka",
            ${percentiles('kafka_ts', 'detected_ts')} AS "kafkaToDetected",
            ${percentiles('detected_ts', 'db_write_ts')} AS "detectedToWritten",
            ${percentiles('produced_ts', 'db_write_ts')} AS "endToEnd"
       FROM anomaly_sessions a
      WHERE a.db_write_ts >= $1 AND a.db_write_ts < $2 AND a.mode = 'active'`,
    [from, to, targetMs],
  )
  const [row] = rows
  if (row === undefined) throw new Error('an aggregate gave no row')
  return row
}
