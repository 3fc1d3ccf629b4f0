import { topicOf, type Dataset } from '../../domain/archive/archive-file.js'
import type { CompactableFile } from '../../domain/archive/plan-compaction.js'
import { GuardianError } from '../../domain/errors.js'
import type { UtcDay } from '../../domain/utc-day.js'
import type { Database, Queryable } from '../pool.js'
import { withTransaction } from '../with-transaction.js'

/** The files of one dataset of one day. */
export interface ArchivedDay {
  readonly dataset: Dataset
  readonly day: UtcDay
}

/** A file that has the rows of others, to be named in their place. */
export interface CompactedFile extends ArchivedDay {
  readonly fence: number
  readonly partition: number
  readonly path: string
  readonly bytes: number
  readonly rows: number
  readonly firstOffset: number
  readonly lastOffset: number
  /** Paths of those that it has the rows of. */
  readonly sources: readonly string[]
}

/** A file of one day only: those that many rare days share stay as they are. */
const OF_ONE_DAY = 'f.first_day = f.last_day'

/**
 * Days that have small files beside each other, the newest first. @param upTo the last day that is looked at
 * @param smallBytes what a small file has less than
 * @throws GRD_STORE_*
 */
export async function listCompactionDays(
  db: Queryable,
  { upTo, smallBytes, limit }: { readonly upTo: UtcDay; readonly smallBytes: number; readonly limit: number },
): Promise<ArchivedDay[]> {
  const { rows } = await db.query<ArchivedDay>(
    `SELECT DISTINCT s.dataset, s.first_day::text AS day
       FROM (SELECT f.dataset, f.first_day, f.byte_count,
                    lead(f.byte_count) OVER (PARTITION BY f.dataset, f.topic, f.kafka_partition, f.log, f.first_day ORDER BY f.first_offset) AS next_bytes
               FROM archive_files f WHERE ${OF_ONE_DAY} AND f.first_day <= $1) s
      WHERE s.byte_count < $2 AND s.next_bytes < $2
      ORDER BY day DESC, s.dataset LIMIT $3`,
    [upTo, smallBytes, limit],
  )
  return rows
}

/** Begins an attempt at a day: those before it can change nothing any more. @returns its fence @throws GRD_STORE_* */
export async function raiseCompactionFence(db: Queryable, { dataset, day }: ArchivedDay): Promise<number> {
  const { rows } = await db.query<{ fence: number }>(
    `INSERT INTO archive_compactions AS stored (dataset, event_day, fence) VALUES ($1, $2, 1)
     ON CONFLICT (dataset, event_day) DO UPDATE SET fence = stored.fence + 1, updated_ts = now()
     RETURNING stored.fence`,
    [dataset, day],
  )
  const [row] = rows
  if (!row) throw new GuardianError('GRD_STORE_REFUSED', `raising the fence of ${dataset} of ${day} returned no row`)
  return row.fence
}

/** What the manifest names of a day, in the order of its logs. @throws GRD_STORE_* */
export async function readDayFiles(db: Queryable, { dataset, day }: ArchivedDay): Promise<CompactableFile[]> {
  const { rows } = await db.query<CompactableFile>(
    `SELECT f.path, f.topic, f.kafka_partition AS partition, f.log, f.first_offset AS "firstOffset", f.last_offset AS "lastOffset",
            f.row_count AS rows, f.byte_count AS bytes
       FROM archive_files f WHERE f.dataset = $1 AND f.first_day = $2 AND ${OF_ONE_DAY}
      ORDER BY f.topic, f.kafka_partition, f.log, f.first_offset LIMIT 1000000`,
    [dataset, day],
  )
  return rows
}

const SUPERSEDE = `
WITH gone AS (
  DELETE FROM archive_files f
   WHERE f.path = ANY($1) AND f.dataset = $2 AND f.topic = $3 AND f.kafka_partition = $4 AND f.first_day = $5 AND ${OF_ONE_DAY}
  RETURNING f.path, f.owner_epoch, f.first_offset, f.last_offset, f.row_count, f.event_high, f.log
), kept AS (
  INSERT INTO archive_superseded_files (path, superseded_by) SELECT g.path, $6::text FROM gone g
), named AS (
  INSERT INTO archive_files (path, dataset, topic, kafka_partition, owner_epoch, first_day, last_day, first_offset, last_offset,
                             row_count, byte_count, event_high, log)
  SELECT $6::text, $2::text, $3::text, $4::integer, max(g.owner_epoch), $5::date, $5::date, min(g.first_offset), max(g.last_offset),
         sum(g.row_count), $7::bigint, max(g.event_high), min(g.log)
    FROM gone g HAVING count(DISTINCT g.log) = 1
  RETURNING row_count, first_offset, last_offset
)
SELECT (SELECT count(*) FROM gone)::int AS files, n.row_count AS rows, n.first_offset AS "firstOffset", n.last_offset AS "lastOffset"
  FROM named n`

/**
 * Names a file in the place of those whose rows it has, in one transaction, or changes nothing. The day's version stays:
 * its rows are the same.
 * @throws GRD_FENCED when a later attempt at the day has begun; GRD_STORE_CONFLICT when the manifest does not name exactly
 * these files with these rows any more; GRD_COMMIT_UNKNOWN when the answer was lost; GRD_STORE_*
 */
export async function supersedeFiles(db: Database, file: CompactedFile): Promise<void> {
  const { dataset, day, partition, path, sources } = file
  await withTransaction(db, async (tx) => {
    const { rows: fences } = await tx.query<{ fence: number }>(
      'SELECT c.fence FROM archive_compactions c WHERE c.dataset = $1 AND c.event_day = $2 FOR SHARE',
      [dataset, day],
    )
    if (fences[0]?.fence !== file.fence)
      throw new GuardianError('GRD_FENCED', `a later attempt at the files of ${dataset} of ${day} has begun`)
    const values = [sources, dataset, topicOf(dataset), partition, day, path, file.bytes]
    const [gone] = (await tx.query<Named>(SUPERSEDE, values)).rows
    const isWhole =
      gone?.files === sources.length &&
      gone.rows === file.rows &&
      gone.firstOffset === file.firstOffset &&
      gone.lastOffset === file.lastOffset
    if (!isWhole)
      throw new GuardianError(
        'GRD_STORE_CONFLICT',
        `the manifest has changed under the merge of ${path}: nothing is changed`,
      )
  })
}

interface Named extends Pick<CompactedFile, 'rows' | 'firstOffset' | 'lastOffset'> {
  readonly files: number
}

/** Files that were superseded longer ago than this, the oldest first. @throws GRD_STORE_* */
export async function listSuperseded(db: Queryable, graceMs: number, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ path: string }>(
    `SELECT s.path FROM archive_superseded_files s WHERE s.superseded_ts <= now() - $1 * interval '1 ms'
      ORDER BY s.superseded_ts, s.path LIMIT $2`,
    [graceMs, limit],
  )
  return rows.map(({ path }) => path)
}

/** Forgets files that are removed. @throws GRD_STORE_* */
export async function forgetSuperseded(db: Queryable, paths: readonly string[]): Promise<void> {
  await db.query('DELETE FROM archive_superseded_files WHERE path = ANY($1)', [paths])
}
