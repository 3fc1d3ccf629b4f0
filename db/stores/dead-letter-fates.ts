import {
  letterStateOf,
  type DeadLetter,
  type DeadLetterState,
  type ReplayFate,
} from '../../domain/dead-letters/replay.js'
import type { Queryable } from '../pool.js'

const STORE = `
INSERT INTO dead_letter_fates (kafka_partition, kafka_offset, kafka_ts, replay_id, fate, code)
SELECT r.kafka_partition, r.kafka_offset, r.kafka_ts, r.replay_id, coalesce(l.fate, 'recovered'), l.code
  FROM dead_letter_replays r
  LEFT JOIN unnest($2::int[], $3::bigint[], $4::text[], $5::text[]) AS l (kafka_partition, kafka_offset, fate, code)
    ON l.kafka_partition = r.kafka_partition AND l.kafka_offset = r.kafka_offset
 WHERE r.replay_id = $1 AND r.outcome = 'replayed'
ON CONFLICT DO NOTHING`

const SUMMARY = `
SELECT f.fate, f.code, count(*) AS letters FROM dead_letter_fates f
 WHERE f.replay_id = $1 GROUP BY f.fate, f.code ORDER BY f.fate, f.code LIMIT 1000`

/** The newest replay that did something with a letter decides. */
const STATES = `
SELECT DISTINCT ON (r.kafka_partition, r.kafka_offset)
       r.kafka_partition AS partition, r.kafka_offset AS "offset", r.outcome, f.fate
  FROM dead_letter_replays r
  JOIN unnest($1::int[], $2::bigint[], $3::timestamptz[]) AS l (kafka_partition, kafka_offset, kafka_ts)
    ON l.kafka_partition = r.kafka_partition AND l.kafka_offset = r.kafka_offset AND l.kafka_ts = r.kafka_ts
  LEFT JOIN dead_letter_fates f ON f.kafka_partition = r.kafka_partition AND f.kafka_offset = r.kafka_offset
       AND f.kafka_ts = r.kafka_ts AND f.replay_id = r.replay_id
 WHERE r.outcome IN ('replayed', 'parked')
 ORDER BY r.kafka_partition, r.kafka_offset, r.outcome = 'replayed' DESC, r.decided_ts DESC`

/** A letter that was sent back and was not simply taken. */
export interface ReturnedLetter {
  readonly partition: number
  readonly offset: number
  readonly fate: Exclude<ReplayFate, 'recovered'>
  readonly code: string | null
}

/**
 * Stores what became of every letter that a replay has sent back: those that are named, and all others are recovered.
 * Repeating it changes nothing. @param returned each letter once
 * @throws GRD_STORE_*
 */
export async function storeFates(db: Queryable, replayId: string, returned: readonly ReturnedLetter[]): Promise<void> {
  await db.query(STORE, [
    replayId,
    returned.map(({ partition }) => partition),
    returned.map(({ offset }) => offset),
    returned.map(({ fate }) => fate),
    returned.map(({ code }) => code),
  ])
}

/** How many letters of a replay have each fate. @throws GRD_STORE_* */
export const readFateCounts = async (db: Queryable, replayId: string) =>
  (await db.query<{ fate: ReplayFate; code: string | null; letters: number }>(SUMMARY, [replayId])).rows

/** Where these dead letters stand, as `partition@offset`; those that are not in it are dead. @throws GRD_STORE_* */
export async function readLetterStates(
  db: Queryable,
  letters: readonly Pick<DeadLetter, 'partition' | 'offset' | 'appendMs'>[],
): Promise<Map<string, DeadLetterState>> {
  if (letters.length === 0) return new Map()
  const { rows } = await db.query<{
    partition: number
    offset: number
    outcome: 'replayed' | 'parked'
    fate: ReplayFate | null
  }>(STATES, [
    letters.map(({ partition }) => partition),
    letters.map(({ offset }) => offset),
    letters.map(({ appendMs }) => new Date(appendMs)),
  ])
  return new Map(rows.map(({ partition, offset, ...row }) => [`${partition}@${offset}`, letterStateOf(row)]))
}
