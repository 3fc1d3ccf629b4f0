import { GuardianError } from '../../domain/errors.js'
import type { Queryable } from '../pool.js'

export interface DeadLetterCursor {
  readonly kafkaPartition: number
  readonly nextOffset: number
}

/** A part of one partition that has been counted: offsets in [from, to). */
export interface CountedRange {
  readonly kafkaPartition: number
  /** Where the cursor must still be; null when there must be none yet. */
  readonly from: number | null
  readonly to: number
  /** Records in it; fewer than offsets where the log has holes. */
  readonly counted: number
}

const READ = `
SELECT c.kafka_partition AS "kafkaPartition", c.next_offset AS "nextOffset"
  FROM dead_letter_cursors c WHERE c.topic = $1 ORDER BY c.kafka_partition LIMIT 10000`

const BEGIN = `
INSERT INTO dead_letter_cursors AS c (topic, kafka_partition, next_offset, counted, updated_ts)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (topic, kafka_partition) DO NOTHING`

const MOVE = `
UPDATE dead_letter_cursors AS c SET next_offset = $3, counted = c.counted + $4, updated_ts = $5
 WHERE c.topic = $1 AND c.kafka_partition = $2 AND c.next_offset = $6`

/** Up to where each partition has been counted. @throws GRD_STORE_* */
export async function readDeadLetterCursors(db: Queryable, topic: string): Promise<DeadLetterCursor[]> {
  return (await db.query<DeadLetterCursor>(READ, [topic])).rows
}

/**
 * Moves cursors past what was counted, each from where it was: no record is counted twice.
 * @throws GRD_STORE_CONFLICT when somebody else has counted meanwhile: the look has to be taken again
 */
export async function moveDeadLetterCursors(
  tx: Queryable,
  topic: string,
  ranges: readonly CountedRange[],
  at: Date,
): Promise<void> {
  for (const { kafkaPartition, from, to, counted } of ranges) {
    const { rowCount } =
      from === null
        ? await tx.query(BEGIN, [topic, kafkaPartition, to, counted, at])
        : await tx.query(MOVE, [topic, kafkaPartition, to, counted, at, from])
    if (rowCount !== 1)
      throw new GuardianError('GRD_STORE_CONFLICT', `${topic}/${kafkaPartition} was counted by somebody else meanwhile`)
  }
}
