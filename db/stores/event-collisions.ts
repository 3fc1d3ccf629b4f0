import type { Collisions } from '../../domain/detection/partition-detector.js'
import type { Queryable } from '../pool.js'
import type { PartitionName } from './partition-name.js'
import { logNow } from './topic-logs.js'

const KEPT = `interval '7 days'`

/** Stores what a checkpoint has counted, and removes what is older than a week. Within the checkpoint's transaction. */
export async function storeCollisions(
  tx: Queryable,
  { topic, partition }: PartitionName,
  nextOffset: number,
  { events, sampleOffset }: Collisions,
): Promise<void> {
  await tx.query(
    `INSERT INTO event_collisions (topic, kafka_partition, log, next_offset, events, sample_offset)
     VALUES ($1, $2, ${logNow('$1')}, $3, $4, $5)`,
    [topic, partition, nextOffset, events, sampleOffset],
  )
  await tx.query(
    `DELETE FROM event_collisions c WHERE c.topic = $1 AND c.kafka_partition = $2 AND c.detected_ts < now() - ${KEPT}`,
    [topic, partition],
  )
}
