import type { Queryable } from '../pool.js'
import { instantOf } from './instant-of.js'
import type { PartitionName } from './partition-name.js'

/** Misplaced and keyless records of a partition since its last checkpoint. */
export interface MisplacedWrite {
  readonly sources: readonly { readonly source: string; readonly misplaced: number; readonly keyless: number }[]
  readonly sessions: readonly {
    readonly sessionId: string
    readonly records: number
    readonly firstEventMs: number
    readonly lastEventMs: number
  }[]
}

/** Sessions of one partition that are remembered: a producer without keys must not fill the database. */
export const MAX_MISPLACED_SESSIONS = 10_000
/** As long as anomalies are kept by default, and a little. */
const KEPT_DAYS = 35

const ADD_SOURCES = `
INSERT INTO misplaced_sources AS stored (topic, kafka_partition, source, misplaced, keyless)
SELECT $1, $2, t.source, t.misplaced, t.keyless FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS t (source, misplaced, keyless)
ON CONFLICT (topic, kafka_partition, source) DO UPDATE SET
   misplaced = stored.misplaced + excluded.misplaced, keyless = stored.keyless + excluded.keyless, last_ts = now()`

const FORGET_SESSIONS = `
DELETE FROM misplaced_sessions m
 WHERE m.topic = $1 AND m.kafka_partition = $2 AND m.updated_ts < now() - make_interval(days => ${KEPT_DAYS})`

const ADD_SESSIONS = `
INSERT INTO misplaced_sessions AS stored (session_id, topic, kafka_partition, records, first_event, last_event)
SELECT t.session_id, $1, $2, t.records, t.first_event, t.last_event
  FROM unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[]) AS t (session_id, records, first_event, last_event)
 WHERE (SELECT count(*) FROM misplaced_sessions m WHERE m.topic = $1 AND m.kafka_partition = $2) < ${MAX_MISPLACED_SESSIONS}
ON CONFLICT (session_id, topic, kafka_partition) DO UPDATE SET records = stored.records + excluded.records,
   first_event = least(stored.first_event, excluded.first_event), last_event = greatest(stored.last_event, excluded.last_event),
   updated_ts = now()`

/** Adds what a checkpoint passes: in its transaction, so that each record counts once. @throws GRD_STORE_* */
export async function addMisplaced(
  tx: Queryable,
  { topic, partition }: PartitionName,
  { sources, sessions }: MisplacedWrite,
): Promise<void> {
  if (sources.length > 0)
    await tx.query(ADD_SOURCES, [
      topic,
      partition,
      sources.map(({ source }) => source),
      sources.map(({ misplaced }) => misplaced),
      sources.map(({ keyless }) => keyless),
    ])
  if (sessions.length === 0) return
  await tx.query(FORGET_SESSIONS, [topic, partition])
  await tx.query(ADD_SESSIONS, [
    topic,
    partition,
    sessions.map(({ sessionId }) => sessionId),
    sessions.map(({ records }) => records),
    sessions.map(({ firstEventMs }) => instantOf(firstEventMs)),
    sessions.map(({ lastEventMs }) => instantOf(lastEventMs)),
  ])
}
