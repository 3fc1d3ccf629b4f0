import type { Queryable } from '../pool.js'
import type { PartitionName } from './partition-name.js'
import { logNow } from './topic-logs.js'

/** Ids that no registry ever had are forgotten after so many days without a record; no log is kept as long. */
const FORGOTTEN_AFTER_DAYS = 60

const TARGET = '(topic, kafka_partition, log, schema_id)'

const READ = `
INSERT INTO schema_readings AS stored (topic, kafka_partition, log, schema_id, read_from)
SELECT $1, $2, ${logNow('$1')}, id, 0 FROM unnest($3::bigint[]) AS id ORDER BY id
ON CONFLICT ${TARGET} DO UPDATE SET read_from = coalesce(stored.read_from, stored.refused_to)
RETURNING stored.schema_id AS "schemaId", stored.read_from AS "offset"`

const REFUSE = `
INSERT INTO schema_readings AS stored (topic, kafka_partition, log, schema_id, refused_to)
SELECT $1, $2, ${logNow('$1')}, id, $4 FROM unnest($3::bigint[]) AS id ORDER BY id
ON CONFLICT ${TARGET} DO UPDATE SET updated_ts = now(),
   refused_to = CASE WHEN stored.read_from IS NULL THEN greatest(stored.refused_to, excluded.refused_to) ELSE stored.refused_to END
RETURNING stored.schema_id AS "schemaId", CASE WHEN stored.read_from IS NULL THEN stored.refused_to END AS "offset"`

interface Row {
  readonly schemaId: number
  readonly offset: number | null
}

const byId = (rows: readonly Row[]): Map<number, number> =>
  new Map(rows.flatMap(({ schemaId, offset }) => (offset === null ? [] : [[schemaId, offset] as const])))

/**
 * Has the records of schema ids be read that nobody has refused before; from then on, nobody can refuse more of them.
 * @returns by id, the offset before which its records are dead letters @throws GRD_STORE_*
 */
export async function readSchemas(
  db: Queryable,
  { topic, partition }: PartitionName,
  ids: readonly number[],
): Promise<Map<number, number>> {
  const { rows } = await db.query<Row>(READ, [topic, partition, ids])
  return byId(rows)
}

/**
 * Refuses the records of schema ids before an offset, for detector and archiver alike, unless one of them reads them.
 * @returns by id, the offset before which its records are dead letters; ids that are read are missing @throws GRD_STORE_*
 */
export async function refuseSchemas(
  db: Queryable,
  { topic, partition }: PartitionName,
  ids: readonly number[],
  toOffset: number,
): Promise<Map<number, number>> {
  const { rows } = await db.query<Row>(REFUSE, [topic, partition, ids, toOffset])
  return byId(rows)
}

/** Removes ids of a partition that nobody has ever read, and that no record has had for long. @throws GRD_STORE_* */
export async function forgetUnreadSchemas(db: Queryable, { topic, partition }: PartitionName): Promise<void> {
  await db.query(
    `DELETE FROM schema_readings r WHERE r.topic = $1 AND r.kafka_partition = $2 AND r.read_from IS NULL
        AND r.updated_ts < now() - make_interval(days => ${FORGOTTEN_AFTER_DAYS})`,
    [topic, partition],
  )
}
