import { GuardianError } from '../../domain/errors.js'
import type { StoredPosition } from '../../domain/log-identity.js'
import type { Database, Queryable } from '../pool.js'
import { withTransaction } from '../with-transaction.js'

/** SQL for the log that a topic has now. @param topic SQL for its name */
export const logNow = (topic: string): string =>
  `coalesce((SELECT l.log FROM topic_logs l WHERE l.topic = ${topic}), 1)`

/** Where archive and detector stand in a partition. */
export interface StandingPosition extends StoredPosition {
  readonly partition: number
}

/** Every checkpoint on a topic, the archive's and the detector's. @throws GRD_STORE_* */
export async function readStandingPositions(db: Queryable, topic: string): Promise<StandingPosition[]> {
  const { rows } = await db.query<StandingPosition>(
    `SELECT p.kafka_partition AS partition, p.next_offset AS "nextOffset", p.last_append_ts AS "lastAppendTs"
       FROM (SELECT c.topic, c.kafka_partition, c.next_offset, c.last_append_ts FROM archive_checkpoints c
             UNION ALL SELECT d.topic, d.kafka_partition, d.next_offset, d.last_append_ts FROM detector_checkpoints d) p
      WHERE p.topic = $1 ORDER BY p.kafka_partition LIMIT 20000`,
    [topic],
  )
  return rows
}

/**
 * Begins with another log under the name of a topic, in one transaction: archive and detector go on at its beginning.
 * What they have of the log before stays. Whoever has a partition now is fenced: epochs go on, which also keeps new files of
 * the archive from having the names of old ones.
 * @returns the number of the log @throws GRD_STORE_*
 */
export const beginLog = (db: Database, topic: string): Promise<number> =>
  withTransaction(db, async (tx) => {
    const gone = await tx.query<{ epoch: number }>(
      'DELETE FROM detector_checkpoints c WHERE c.topic = $1 RETURNING c.owner_epoch AS epoch',
      [topic],
    )
    const { rows } = await tx.query<{ log: number }>(
      `INSERT INTO topic_logs AS stored (topic, log, detector_epoch) VALUES ($1, 2, $2)
       ON CONFLICT (topic) DO UPDATE SET log = stored.log + 1, began_ts = now(),
         detector_epoch = greatest(stored.detector_epoch, excluded.detector_epoch) RETURNING stored.log`,
      [topic, Math.max(0, ...gone.rows.map(({ epoch }) => epoch))],
    )
    await tx.query(
      `UPDATE archive_checkpoints c SET next_offset = 0, last_append_ts = NULL, owner_epoch = c.owner_epoch + 1, updated_ts = now()
        WHERE c.topic = $1`,
      [topic],
    )
    await tx.query('DELETE FROM detector_state_pieces WHERE topic = $1', [topic])
    const [row] = rows
    if (!row) throw new GuardianError('GRD_STORE_REFUSED', `beginning another log of ${topic} returned no row`)
    return row.log
  })
