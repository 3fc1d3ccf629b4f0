import { GuardianError } from '../../domain/errors.js'
import type { MinuteCount } from '../../domain/detection/minute-counts.js'
import type { Collisions, Counts } from '../../domain/detection/partition-detector.js'
import type { Database, Queryable } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { upsertAnomalies, type AnomalyRow } from './anomaly-rows.js'
import { storeCollisions } from './event-collisions.js'
import { addMinuteCounts, removeOldMinutes, type KeptMinutes } from './minute-counts.js'
import { instantOf } from './instant-of.js'
import { addMisplaced, type MisplacedWrite } from './misplaced.js'
import type { PartitionName } from './partition-name.js'
import { logNow } from './topic-logs.js'

/** Where a partition resumes, for the owner that has just taken it. */
export interface TakenCheckpoint {
  readonly epoch: number
  readonly nextOffset: number
  /** The highest log append time behind that offset; null when no record is. */
  readonly lastAppendTs: Date | null
  readonly partitionCounts: readonly StoredPartitionCount[]
  /** Sealed; null when nothing has been committed yet. */
  readonly head: Buffer | null
  /** Sealed, oldest first. */
  readonly pieces: readonly Buffer[]
}

export interface CheckpointWrite extends PartitionName {
  readonly epoch: number
  /** The stored offset that this checkpoint goes on from. */
  readonly expectedOffset: number
  readonly nextOffset: number
  /** Minus infinity before the first event. */
  readonly watermarkMs: number
  /** The highest log append time behind `nextOffset`; minus infinity before the first record. */
  readonly lastAppendMs: number
  readonly head: Buffer
  readonly piece: { readonly bytes: Buffer; readonly isFull: boolean; readonly expiresAtMs: number } | undefined
  readonly counts: Counts
  /** Since the checkpoint before; null when there is none to measure from. */
  readonly recordsPerSecond: number | null
  readonly anomalies: readonly AnomalyRow[]
  /** The rules that decide from `nextOffset` on, when they differ from those before. */
  readonly ruleChange: readonly object[] | undefined
  /** Offsets that this checkpoint passes without their records having been read. */
  readonly gaps: readonly DataGap[]
  /** Offsets that hold no record, passed since the checkpoint before. */
  readonly voidOffsets: number
  /** Ticks among the records since the checkpoint before. */
  readonly ticks: number
  /** Since the checkpoint before. */
  readonly collisions?: Collisions | undefined
  /** What became of the records since the checkpoint before. */
  readonly minutes: readonly MinuteCount[]
  readonly keptMinutes: KeptMinutes
  /** Records since the checkpoint before that are not on the partition of their session, or have no key. */
  readonly misplaced: MisplacedWrite
  /** How many partitions the topic has had, from which offsets on. */
  readonly partitionCounts: readonly StoredPartitionCount[]
}

export interface StoredPartitionCount {
  readonly partitions: number
  readonly fromOffset: number
}

export interface DataGap {
  readonly fromOffset: number
  /** The first offset behind it. */
  readonly toOffset: number
  readonly cause: 'retention' | 'too_large' | 'undecodable'
}

const TAKE = `
INSERT INTO detector_checkpoints AS stored (topic, kafka_partition, owner_epoch, owner, next_offset, first_offset)
VALUES ($1, $2, 1 + coalesce((SELECT l.detector_epoch FROM topic_logs l WHERE l.topic = $1), 0), $3, $4, $4)
ON CONFLICT (topic, kafka_partition) DO UPDATE SET owner_epoch = stored.owner_epoch + 1, owner = excluded.owner, updated_ts = now()
RETURNING stored.owner_epoch AS epoch, stored.next_offset AS "nextOffset", stored.last_append_ts AS "lastAppendTs", stored.partition_counts AS "partitionCounts",
          stored.head AS head`

/**
 * Takes a partition: whoever had it can commit no more.
 * @param owner for people, to see who has it
 * @param startOffset where to begin when nobody has ever had it
 */
export async function takePartition(
  db: Database,
  { topic, partition }: PartitionName,
  owner: string,
  startOffset: number,
): Promise<TakenCheckpoint> {
  return withTransaction(db, async (tx) => {
    const taken = await tx.query<Omit<TakenCheckpoint, 'pieces'>>(TAKE, [topic, partition, owner, startOffset])
    const [row] = taken.rows
    if (!row) throw new GuardianError('GRD_STORE_REFUSED', `taking ${topic}/${partition} returned no row`)
    const pieces = await tx.query<{ bytes: Buffer }>(
      `SELECT p.bytes FROM detector_state_pieces p WHERE p.topic = $1 AND p.kafka_partition = $2 ORDER BY p.next_offset`,
      [topic, partition],
    )
    return { ...row, pieces: pieces.rows.map(({ bytes }) => bytes) }
  })
}

const ADVANCE = `
UPDATE detector_checkpoints c
   SET next_offset = $5, watermark = $6, head = $7, accepted = $8, duplicate = $9, late = $10, dead = $11, records_per_second = $12, last_append_ts = $13,
       void_offsets = c.void_offsets + $14, minutes_from = $15, partition_counts = $16, ticks = c.ticks + $17, updated_ts = now()
 WHERE c.topic = $1 AND c.kafka_partition = $2 AND c.owner_epoch = $3 AND c.next_offset = $4`

/**
 * Commits a checkpoint: offset, watermark, state and anomalies in one transaction, or nothing of it.
 * @throws GRD_FENCED when another owner has taken the partition, or the stored offset is not the expected one;
 * GRD_COMMIT_UNKNOWN when the answer was lost: ask `isCommitted`; GRD_STORE_*
 */
export async function commitCheckpoint(db: Database, write: CheckpointWrite): Promise<void> {
  const { topic, partition, epoch, expectedOffset, nextOffset, counts, watermarkMs } = write
  const watermark = instantOf(watermarkMs)
  await withTransaction(db, async (tx) => {
    const advanced = await tx.query(ADVANCE, [
      topic,
      partition,
      epoch,
      expectedOffset,
      nextOffset,
      watermark,
      write.head,
      counts.accepted,
      counts.duplicate,
      counts.late,
      counts.dead,
      write.recordsPerSecond,
      instantOf(write.lastAppendMs),
      write.voidOffsets,
      instantOf(write.keptMinutes.eventFromMs),
      JSON.stringify(write.partitionCounts),
      write.ticks,
    ])
    if (advanced.rowCount !== 1)
      throw new GuardianError(
        'GRD_FENCED',
        `${topic}/${partition} at ${expectedOffset} belongs to another owner than epoch ${epoch}`,
      )
    await upsertAnomalies(tx, write.anomalies)
    await storePiece(tx, write, watermark)
    for (const gap of write.gaps) await storeGap(tx, write, gap)
    if (write.collisions) await storeCollisions(tx, write, nextOffset, write.collisions)
    await addMisplaced(tx, write, write.misplaced)
    await addMinuteCounts(tx, write, write.minutes)
    await removeOldMinutes(tx, write, write.keptMinutes)
    if (write.ruleChange)
      await tx.query(
        `INSERT INTO detector_rule_changes (topic, kafka_partition, from_offset, rules, log) VALUES ($1, $2, $3, $4, ${logNow('$1')})
         ON CONFLICT (topic, kafka_partition, log, from_offset) DO UPDATE SET rules = excluded.rules, recorded_ts = now()`,
        [topic, partition, nextOffset, JSON.stringify(write.ruleChange)],
      )
  })
}

async function storePiece(
  tx: Queryable,
  { topic, partition, nextOffset, piece }: CheckpointWrite,
  watermark: string | null,
) {
  if (!piece) return
  await tx.query(
    `DELETE FROM detector_state_pieces p
      WHERE p.topic = $1 AND p.kafka_partition = $2 AND ($3 OR p.expires_at <= $4 OR p.next_offset >= $5)`,
    [topic, partition, piece.isFull, watermark, nextOffset],
  )
  await tx.query(
    `INSERT INTO detector_state_pieces (topic, kafka_partition, next_offset, is_full, expires_at, bytes)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [topic, partition, nextOffset, piece.isFull, new Date(Math.max(piece.expiresAtMs, 0)).toISOString(), piece.bytes],
  )
}

async function storeGap(tx: Queryable, { topic, partition }: PartitionName, gap: DataGap): Promise<void> {
  await tx.query(
    `INSERT INTO data_gaps (topic, kafka_partition, from_offset, to_offset, cause, log) VALUES ($1, $2, $3, $4, $5, ${logNow('$1')})
     ON CONFLICT (topic, kafka_partition, log, from_offset) DO UPDATE SET to_offset = excluded.to_offset, cause = excluded.cause`,
    [topic, partition, gap.fromOffset, gap.toOffset, gap.cause],
  )
}

/** Whether a commit whose answer was lost is stored. @throws GRD_FENCED when another owner has the partition by now */
export async function isCommitted(
  db: Queryable,
  { topic, partition, epoch, nextOffset }: CheckpointWrite,
): Promise<boolean> {
  const { rows } = await db.query<{ epoch: number; nextOffset: number }>(
    `SELECT c.owner_epoch AS epoch, c.next_offset AS "nextOffset" FROM detector_checkpoints c
      WHERE c.topic = $1 AND c.kafka_partition = $2`,
    [topic, partition],
  )
  const [stored] = rows
  if (stored?.epoch !== epoch)
    throw new GuardianError('GRD_FENCED', `${topic}/${partition} has been taken from epoch ${epoch}`)
  return stored.nextOffset === nextOffset
}

/**
 * Records that Kafka no longer has offsets that were still to be read, and goes on behind them.
 * @throws GRD_FENCED when another owner has the partition by now
 */
export async function recordDataGap(
  db: Database,
  { topic, partition }: PartitionName,
  epoch: number,
  gap: DataGap,
): Promise<void> {
  await withTransaction(db, async (tx) => {
    const moved = await tx.query(
      `UPDATE detector_checkpoints c SET next_offset = $5, updated_ts = now()
        WHERE c.topic = $1 AND c.kafka_partition = $2 AND c.owner_epoch = $3 AND c.next_offset = $4`,
      [topic, partition, epoch, gap.fromOffset, gap.toOffset],
    )
    if (moved.rowCount !== 1)
      throw new GuardianError('GRD_FENCED', `${topic}/${partition} has been taken from epoch ${epoch}`)
    await storeGap(tx, { topic, partition }, gap)
  })
}

/** Where the stored checkpoints are, by `topic/partition`. */
export async function readPositions(db: Queryable): Promise<Map<string, number>> {
  const { rows } = await db.query<{ name: string; nextOffset: number }>(
    `SELECT c.topic || '/' || c.kafka_partition AS name, c.next_offset AS "nextOffset" FROM detector_checkpoints c`,
  )
  return new Map(rows.map(({ name, nextOffset }) => [name, nextOffset]))
}
