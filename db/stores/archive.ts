import type { Dataset } from '../../domain/archive/archive-file.js'
import { GuardianError } from '../../domain/errors.js'
import type { UtcDay } from '../../domain/utc-day.js'
import type { Database, Queryable, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { instantOf } from './instant-of.js'
import type { PartitionName } from './partition-name.js'
import { logNow } from './topic-logs.js'

/** Where a partition's archive goes on, for the owner that has just taken it. */
export interface TakenArchive {
  readonly epoch: number
  readonly nextOffset: number
  /** The highest log append time behind it; null before the first that was stored. */
  readonly lastAppendTs: Date | null
}

/** A file that is complete and has its key, to be named in the manifest. */
export interface ArchivedFile {
  readonly path: string
  readonly firstDay: UtcDay
  readonly lastDay: UtcDay
  readonly firstOffset: number
  readonly lastOffset: number
  readonly rows: number
  readonly bytes: number
  /** The highest min(event time, log append time) in it, in ms. */
  readonly eventHighMs: number
}

export interface ArchivedTick {
  readonly offset: number
  readonly atMs: number
}

export interface ArchiveWrite extends PartitionName {
  readonly dataset: Dataset
  readonly epoch: number
  /** The stored offset that this write goes on from. */
  readonly expectedOffset: number
  readonly nextOffset: number
  /** The highest event time among what was archived ever, in ms; minus infinity before the first event. */
  readonly eventHighMs: number
  /** The highest log append time among what was taken in, in ms; minus infinity before the first record. */
  readonly lastAppendMs: number
  /** Rows and skipped records since the write before. */
  readonly archived: number
  readonly invalid: number
  /** Ticks since the write before, each with the earlier of its time and its log append time, in ms. */
  readonly ticks: readonly ArchivedTick[]
  readonly files: readonly ArchivedFile[]
  /** Rows of each day in the files. */
  readonly days: readonly { readonly day: UtcDay; readonly rows: number }[]
  /** Rows of each quarter of an hour in the files. */
  readonly slots: readonly { readonly startMs: number; readonly rows: number }[]
}

const TAKE = `
INSERT INTO archive_checkpoints AS stored (topic, kafka_partition, owner_epoch, owner, next_offset)
VALUES ($1, $2, 1, $3, $4)
ON CONFLICT (topic, kafka_partition) DO UPDATE SET owner_epoch = stored.owner_epoch + 1, owner = excluded.owner, updated_ts = now()
RETURNING stored.owner_epoch AS epoch, stored.next_offset AS "nextOffset", stored.last_append_ts AS "lastAppendTs"`

/**
 * Takes a partition's archive: whoever had it can name no more files.
 * @param owner for people, to see who has it
 * @param startOffset where to begin when nobody has ever had it
 * @throws GRD_STORE_*
 */
export async function takeArchive(
  db: Queryable,
  { topic, partition }: PartitionName,
  owner: string,
  startOffset: number,
): Promise<TakenArchive> {
  const { rows } = await db.query<TakenArchive>(TAKE, [topic, partition, owner, startOffset])
  const [row] = rows
  if (!row) throw new GuardianError('GRD_STORE_REFUSED', `taking the archive of ${topic}/${partition} returned no row`)
  return row
}

const ADVANCE = `
UPDATE archive_checkpoints c
   SET next_offset = $5, event_high = greatest(c.event_high, $6), archived = c.archived + $7, invalid = c.invalid + $8,
       last_append_ts = greatest(c.last_append_ts, $9), updated_ts = now()
 WHERE c.topic = $1 AND c.kafka_partition = $2 AND c.owner_epoch = $3 AND c.next_offset = $4`

const NAME_FILES = `
INSERT INTO archive_files (path, dataset, topic, kafka_partition, owner_epoch, first_day, last_day, first_offset, last_offset, row_count, byte_count, event_high, log)
SELECT f.path, $1, $2, $3, $4, f.first_day, f.last_day, f.first_offset, f.last_offset, f.rows, f.bytes, f.event_high, ${logNow('$2')}
  FROM unnest($5::text[], $6::date[], $7::date[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::timestamptz[])
       AS f (path, first_day, last_day, first_offset, last_offset, rows, bytes, event_high)`

/** Days in order, so that two writes that add to the same days do not wait for each other in a circle. */
const COUNT_DAYS = `
INSERT INTO archive_days AS stored (dataset, event_day, row_count, version)
SELECT $1, d.day, d.rows, 1 FROM unnest($2::date[], $3::bigint[]) AS d (day, rows) ORDER BY d.day
ON CONFLICT (dataset, event_day) DO UPDATE SET
  row_count = stored.row_count + excluded.row_count, version = stored.version + 1, updated_ts = now()`

const COUNT_SLOTS = `
INSERT INTO archive_slots AS stored (dataset, slot_start, row_count, version)
SELECT $1, to_timestamp(s.start_ms / 1000), s.rows, 1 FROM unnest($2::bigint[], $3::bigint[]) AS s (start_ms, rows) ORDER BY s.start_ms
ON CONFLICT (dataset, slot_start) DO UPDATE SET row_count = stored.row_count + excluded.row_count, version = stored.version + 1`

/**
 * Names files in the manifest and moves the partition on, in one transaction, or nothing of it.
 * @throws GRD_FENCED when another owner has taken the partition, or the stored offset is not the expected one;
 * GRD_COMMIT_UNKNOWN when the answer was lost: ask `isArchived`; GRD_STORE_*
 */
export async function commitArchive(db: Database, write: ArchiveWrite): Promise<void> {
  const { topic, partition, epoch, expectedOffset, nextOffset } = write
  const [eventHigh, lastAppend] = [instantOf(write.eventHighMs), instantOf(write.lastAppendMs)]
  await withTransaction(db, async (tx) => {
    const counts = [write.archived, write.invalid]
    const key = [topic, partition, epoch, expectedOffset]
    const advanced = await tx.query(ADVANCE, [...key, nextOffset, eventHigh, ...counts, lastAppend])
    if (advanced.rowCount !== 1) throw fenced(write, epoch)
    await nameFiles(tx, write)
    await storeTicks(tx, write)
  })
}

const STORE_TICKS = `
INSERT INTO archive_ticks (topic, kafka_partition, log, kafka_offset, tick_ts)
SELECT $1, $2, ${logNow('$1')}, t.kafka_offset, t.tick_ts FROM unnest($3::bigint[], $4::timestamptz[]) AS t (kafka_offset, tick_ts)
ON CONFLICT DO NOTHING`

/** Longer than anybody decides archived days once more. */
const TICKS_KEPT_DAYS = 800

async function storeTicks(tx: Transaction, { topic, partition, ticks }: ArchiveWrite): Promise<void> {
  if (ticks.length === 0) return
  await tx.query(
    `DELETE FROM archive_ticks t WHERE t.topic = $1 AND t.kafka_partition = $2
        AND t.tick_ts < now() - make_interval(days => ${TICKS_KEPT_DAYS})`,
    [topic, partition],
  )
  const offsets = ticks.map(({ offset }) => offset)
  await tx.query(STORE_TICKS, [topic, partition, offsets, ticks.map(({ atMs }) => instantOf(atMs))])
}

async function nameFiles(tx: Transaction, { dataset, topic, partition, epoch, files, days, slots }: ArchiveWrite) {
  if (files.length === 0) return
  const column = <T>(read: (file: ArchivedFile) => T): T[] => files.map(read)
  await tx.query(NAME_FILES, [
    dataset,
    topic,
    partition,
    epoch,
    column((f) => f.path),
    column((f) => f.firstDay),
    column((f) => f.lastDay),
    column((f) => f.firstOffset),
    column((f) => f.lastOffset),
    column((f) => f.rows),
    column((f) => f.bytes),
    column((f) => new Date(f.eventHighMs).toISOString()),
  ])
  await tx.query(COUNT_SLOTS, [dataset, slots.map(({ startMs }) => startMs), slots.map(({ rows }) => rows)])
  await tx.query(COUNT_DAYS, [dataset, days.map(({ day }) => day), days.map(({ rows }) => rows)])
}

const fenced = ({ topic, partition }: PartitionName, epoch: number): GuardianError =>
  new GuardianError('GRD_FENCED', `the archive of ${topic}/${partition} has been taken from epoch ${epoch}`)

/** Whether a commit whose answer was lost is stored. @throws GRD_FENCED when another owner has the partition by now */
export async function isArchived(db: Queryable, write: ArchiveWrite): Promise<boolean> {
  const { rows } = await db.query<Pick<TakenArchive, 'epoch' | 'nextOffset'>>(
    `SELECT c.owner_epoch AS epoch, c.next_offset AS "nextOffset" FROM archive_checkpoints c
      WHERE c.topic = $1 AND c.kafka_partition = $2`,
    [write.topic, write.partition],
  )
  const [stored] = rows
  if (stored?.epoch !== write.epoch) throw fenced(write, write.epoch)
  return stored.nextOffset === write.nextOffset
}

/**
 * Records that Kafka no longer has offsets that were still to be archived, and goes on behind them.
 * @throws GRD_FENCED when another owner has the partition by now; GRD_STORE_*
 */
export async function recordArchiveGap(
  db: Database,
  name: PartitionName,
  epoch: number,
  gap: { readonly fromOffset: number; readonly toOffset: number },
): Promise<void> {
  await withTransaction(db, async (tx) => {
    const moved = await tx.query(
      `UPDATE archive_checkpoints c SET next_offset = $5, updated_ts = now()
        WHERE c.topic = $1 AND c.kafka_partition = $2 AND c.owner_epoch = $3 AND c.next_offset = $4`,
      [name.topic, name.partition, epoch, gap.fromOffset, gap.toOffset],
    )
    if (moved.rowCount !== 1) throw fenced(name, epoch)
    await tx.query(
      `INSERT INTO archive_gaps (topic, kafka_partition, from_offset, to_offset, log) VALUES ($1, $2, $3, $4, ${logNow('$1')})
       ON CONFLICT (topic, kafka_partition, log, from_offset) DO UPDATE SET to_offset = excluded.to_offset`,
      [name.topic, name.partition, gap.fromOffset, gap.toOffset],
    )
  })
}

/**
 * Which of these paths the manifest names, or has named until lately: what compaction has put into a larger file stays for
 * those who read it. @throws GRD_STORE_*
 */
export async function namedFiles(db: Queryable, paths: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ path: string }>(
    `SELECT f.path FROM archive_files f WHERE f.path = ANY($1)
     UNION ALL SELECT s.path FROM archive_superseded_files s WHERE s.path = ANY($1)`,
    [paths],
  )
  return new Set(rows.map(({ path }) => path))
}
