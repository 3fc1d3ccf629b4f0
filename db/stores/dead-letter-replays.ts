import type { DeadLetter, ReplayOutcome } from '../../domain/dead-letters/replay.js'
import type { Queryable } from '../pool.js'

const REPLAYED = `
SELECT DISTINCT r.kafka_partition AS partition, r.kafka_offset AS "offset"
  FROM dead_letter_replays r
  JOIN unnest($1::int[], $2::bigint[], $3::timestamptz[]) AS l (kafka_partition, kafka_offset, kafka_ts)
    ON l.kafka_partition = r.kafka_partition AND l.kafka_offset = r.kafka_offset AND l.kafka_ts = r.kafka_ts
 WHERE r.outcome = 'replayed'`

const STORE = `
INSERT INTO dead_letter_replays (kafka_partition, kafka_offset, kafka_ts, replay_id, outcome, code, topic, attempt, fault)
SELECT l.kafka_partition, l.kafka_offset, l.kafka_ts, l.replay_id, l.outcome, l.code, l.topic, l.attempt, f.fault
  FROM unnest($1::int[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[])
  WITH ORDINALITY AS l (kafka_partition, kafka_offset, kafka_ts, replay_id, outcome, code, topic, attempt, n)
  JOIN unnest($9::text[]) WITH ORDINALITY AS f (fault, n) USING (n)
ON CONFLICT DO NOTHING`

/** Which of these dead letters were sent back before, as `partition@offset`. @throws GRD_STORE_* */
export async function replayedAmong(db: Queryable, letters: readonly DeadLetter[]): Promise<Set<string>> {
  const { rows } = await db.query<{ partition: number; offset: number }>(REPLAYED, [
    letters.map(({ partition }) => partition),
    letters.map(({ offset }) => offset),
    letters.map(({ appendMs }) => new Date(appendMs)),
  ])
  return new Set(rows.map(({ partition, offset }) => `${partition}@${offset}`))
}

export interface ReplayResultRow {
  readonly letter: DeadLetter
  readonly outcome: ReplayOutcome
  readonly fault: string | null
}

/** Stores what became of each; the first result of a replay stays. @throws GRD_STORE_* */
export async function storeReplayResults(
  db: Queryable,
  replayId: string,
  results: readonly ReplayResultRow[],
): Promise<void> {
  await db.query(STORE, [
    results.map(({ letter }) => letter.partition),
    results.map(({ letter }) => letter.offset),
    results.map(({ letter }) => new Date(letter.appendMs)),
    results.map(() => replayId),
    results.map(({ outcome }) => outcome),
    results.map(({ letter }) => letter.code ?? null),
    results.map(({ letter }) => letter.topic ?? null),
    results.map(({ letter }) => letter.attempts + 1),
    results.map(({ fault }) => fault),
  ])
}

/** What a replay has done so far, by outcome and fault. @throws GRD_STORE_* */
export async function replaySummary(
  db: Queryable,
  replayId: string,
): Promise<{ readonly outcome: ReplayOutcome; readonly fault: string | null; readonly letters: number }[]> {
  const { rows } = await db.query<{ outcome: ReplayOutcome; fault: string | null; letters: number }>(
    `SELECT r.outcome, r.fault, count(*) AS letters FROM dead_letter_replays r
      WHERE r.replay_id = $1 GROUP BY r.outcome, r.fault LIMIT 1000`,
    [replayId],
  )
  return rows
}
