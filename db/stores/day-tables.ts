import type { PartitionArchival } from '../../domain/partition-planning/held-day.js'
import { TOPICS } from '../../domain/events.js'
import { GuardianError } from '../../domain/errors.js'
import type { UtcDay } from '../../domain/utc-day.js'
import type { Connection, Database, Queryable } from '../pool.js'
import { withTransaction } from '../with-transaction.js'

/** `detaching`: no new statement sees it, and a transaction that did has not ended yet. `detached`: a table of its own. */
export type DayTableState = 'attached' | 'detaching' | 'detached'

/** A table that holds, or held, a day of `anomaly_sessions`. */
export interface DayTable {
  readonly day: UtcDay
  readonly state: DayTableState
}

const tableOf = (day: UtcDay): string => `anomaly_sessions_${day.replaceAll('-', '')}`

const LIST = `
SELECT to_char(to_date(right(c.relname, 8), 'YYYYMMDD'), 'YYYY-MM-DD') AS day,
       CASE WHEN i.inhrelid IS NULL THEN 'detached' WHEN i.inhdetachpending THEN 'detaching' ELSE 'attached' END AS state
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
 WHERE c.relkind = 'r' AND c.relname ~ '^anomaly_sessions_\\d{8}$'
   AND c.relnamespace = (SELECT p.relnamespace FROM pg_catalog.pg_class p WHERE p.oid = 'anomaly_sessions'::regclass)`

/** Every table of a day, also those that a crash left between being detached and being dropped. @throws GRD_STORE_* */
export async function listDayTables(db: Queryable): Promise<DayTable[]> {
  return (await db.query<DayTable>(`${LIST} ORDER BY 1 LIMIT 10000`)).rows
}

async function stateOf(db: Queryable, day: UtcDay): Promise<DayTableState | undefined> {
  const { rows } = await db.query<DayTable>(`${LIST} AND c.relname = $1`, [tableOf(day)])
  return rows[0]?.state
}

const archivalOf = (day: UtcDay): string => `
WITH day_rows AS (
  SELECT a.topic, a.kafka_partition, count(*) AS row_count, min(a.first_offset) AS first_offset,
         max(greatest(a.last_offset, a.as_of_offset)) AS last_offset, max(a.db_write_ts) AS last_write
    FROM ${tableOf(day)} a GROUP BY a.topic, a.kafka_partition
), part AS (
  SELECT d.topic, d.kafka_partition FROM detector_checkpoints d WHERE d.topic = $1
   UNION SELECT r.topic, r.kafka_partition FROM day_rows r
)
SELECT p.topic, p.kafka_partition AS partition, d.next_offset AS "detectorOffset", c.next_offset AS "archiveOffset",
       round(extract(epoch FROM c.event_high) * 1000)::bigint AS "archivedToMs", coalesce(r.row_count, 0)::bigint AS rows,
       r.last_offset AS "lastRowOffset", round(extract(epoch FROM r.last_write) * 1000)::bigint AS "lastWriteMs",
       EXISTS (SELECT FROM archive_gaps g WHERE g.topic = p.topic AND g.kafka_partition = p.kafka_partition
                  AND g.from_offset <= r.last_offset AND g.to_offset > r.first_offset) AS "hasGap"
  FROM part p
  LEFT JOIN day_rows r ON r.topic = p.topic AND r.kafka_partition = p.kafka_partition
  LEFT JOIN detector_checkpoints d ON d.topic = p.topic AND d.kafka_partition = p.kafka_partition
  LEFT JOIN archive_checkpoints c ON c.topic = p.topic AND c.kafka_partition = p.kafka_partition
 ORDER BY 1, 2 LIMIT 10000`

/** How far the archive is in what a day's rows were made of, by partition. The day has a table. @throws GRD_STORE_* */
export async function readDayArchival(db: Queryable, day: UtcDay): Promise<PartitionArchival[]> {
  return (await db.query<PartitionArchival>(archivalOf(day), [TOPICS.clicks])).rows
}

/** A transaction that has gone on for so long and has the table in hand would keep a detach from ending. */
const HINDRANCES = `
SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits i
                WHERE i.inhparent = 'anomaly_sessions'::regclass AND i.inhdetachpending) AS "isOtherDetaching",
       round(extract(epoch FROM clock_timestamp() - min(s.xact_start)) * 1000)::bigint AS "sinceMs"
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity s ON s.pid = l.pid
 WHERE l.relation = 'anomaly_sessions'::regclass AND l.granted AND s.pid <> pg_backend_pid()
   AND l.database = (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = current_database())`

interface Hindrances {
  readonly isOtherDetaching: boolean
  readonly sinceMs: number | null
}

/**
 * Takes a day's table out of `anomaly_sessions` while others read and write; what an interrupted attempt began is ended.
 * It is not begun while a transaction that is older than `lockTimeoutMs` has the table in hand: until that one ended, no
 * row of the day could be written. May be repeated.
 * @throws GRD_STORE_CONFLICT when others did not end in time: try again; GRD_STORE_*
 */
export function detachDay(db: Database, day: UtcDay, lockTimeoutMs: number): Promise<void> {
  return withLockTimeout(db, lockTimeoutMs, async (connection) => {
    const state = await stateOf(connection, day)
    if (state === 'detaching')
      await connection.query(`ALTER TABLE anomaly_sessions DETACH PARTITION ${tableOf(day)} FINALIZE`)
    if (state !== 'attached') return
    const { rows } = await connection.query<Hindrances>(HINDRANCES)
    const [{ sinceMs, isOtherDetaching } = { sinceMs: null, isOtherDetaching: false }] = rows
    if (isOtherDetaching) throw new GuardianError('GRD_STORE_CONFLICT', 'another day is being detached')
    if (sinceMs !== null && sinceMs > lockTimeoutMs)
      throw new GuardianError('GRD_STORE_CONFLICT', `a transaction has anomaly_sessions in hand since ${sinceMs} ms`)
    await connection.query(`ALTER TABLE anomaly_sessions DETACH PARTITION ${tableOf(day)} CONCURRENTLY`)
  })
}

async function withLockTimeout<T>(
  db: Database,
  lockTimeoutMs: number,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await db.checkOut()
  try {
    await connection.query(`SET lock_timeout = ${Math.floor(lockTimeoutMs)}`)
    return await work(connection)
  } finally {
    // Closed, not handed on: it has a setting of its own.
    connection.release(new Error('the connection had another lock_timeout'))
  }
}

/**
 * Drops the table of a detached day, if nothing speaks against it now that no row can come any more. May be repeated.
 * @param heldBy looks at the day once more, and says why it is to stay
 * @returns why it stays, or how many rows went with it; null when there is no such table, detached
 * @throws GRD_STORE_CONFLICT when a lock was not free in time: try again; GRD_COMMIT_UNKNOWN; GRD_STORE_*
 */
export function dropDetachedDay<Reason extends string>(
  db: Database,
  day: UtcDay,
  lockTimeoutMs: number,
  heldBy: (partitions: readonly PartitionArchival[]) => Reason | undefined,
): Promise<{ readonly rows: number } | { readonly held: Reason } | null> {
  return withTransaction(db, async (tx) => {
    await tx.query(`SET LOCAL lock_timeout = ${Math.floor(lockTimeoutMs)}`)
    // The lock that a detector takes before it attaches the day again.
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('anomaly_sessions'), $1)`, [Number(day.replaceAll('-', ''))])
    if ((await stateOf(tx, day)) !== 'detached') return null
    await tx.query(`LOCK TABLE ${tableOf(day)} IN ACCESS EXCLUSIVE MODE`)
    const partitions = await readDayArchival(tx, day)
    const held = heldBy(partitions)
    if (held !== undefined) return { held }
    const rows = partitions.reduce((sum, partition) => sum + partition.rows, 0)
    await tx.query(
      `INSERT INTO dropped_days AS stored (day, row_count) VALUES ($1, $2)
       ON CONFLICT (day) DO UPDATE SET row_count = stored.row_count + excluded.row_count, dropped_ts = now()`,
      [day, rows],
    )
    await tx.query(`DROP TABLE ${tableOf(day)}`)
    return { rows }
  })
}
