import type { Dataset } from '../../domain/archive/archive-file.js'
import type { DayState } from '../../domain/kpi/day-versions.js'
import type { KnownRecord } from '../../domain/kpi/quarantine.js'
import { startOfDayMs, addDays, type UtcDay } from '../../domain/utc-day.js'
import type { Queryable } from '../pool.js'
import { countsAsFlagged } from './review.js'

export interface ManifestFile {
  readonly dataset: Dataset
  readonly path: string
  readonly rows: number
}

/** What one computation reads: the files of a day and the sessions that are flagged on it, as of one moment. */
export interface DayManifest {
  readonly files: readonly ManifestFile[]
  readonly archiveVersion: number
  readonly archivedRows: number
  readonly flaggedSessions: readonly string[]
  /** Tells one set of flagged sessions from another. */
  readonly flaggedDigest: string
  /** Records of the day that earlier runs have quarantined, with what was decided on them. */
  readonly known: readonly KnownRecord[]
  /** Tells one set of released records from another. */
  readonly releasedDigest: string
}

/** Sessions with an anomaly in force whose window has a part in the day, and of which nobody said that it is none. */
const FLAGGED = `
SELECT DISTINCT a.session_id FROM anomaly_sessions a
 WHERE a.window_start >= $2::timestamptz - interval '1 day' AND a.window_start < $3 AND a.window_end > $2
   AND a.mode = 'active' AND a.status <> 'retracted' AND ${countsAsFlagged('a')}`

const DIGEST = `(SELECT md5(coalesce(string_agg(s.session_id, chr(1) ORDER BY s.session_id COLLATE "C"), '')) FROM (${FLAGGED}) s)`

const OF_DAY = 'q.event_ts >= $2 AND q.event_ts < $3'

const RELEASED_DIGEST = `(SELECT md5(coalesce(string_agg(concat_ws(' ', q.dataset, q.kafka_partition, q.kafka_offset, q.event_ts), ','
         ORDER BY q.dataset, q.kafka_partition, q.kafka_offset, q.event_ts), ''))
    FROM kpi_quarantine q WHERE ${OF_DAY} AND q.state = 'released')`

const KNOWN = `
SELECT jsonb_build_object('dataset', q.dataset, 'partition', q.kafka_partition, 'offset', q.kafka_offset,
         'eventMs', round(extract(epoch FROM q.event_ts) * 1000), 'sessionId', q.session_id, 'state', q.state,
         'reason', q.reason, 'field', q.field)
  FROM kpi_quarantine q WHERE ${OF_DAY} ORDER BY q.dataset, q.kafka_partition, q.kafka_offset, q.event_ts`

const MANIFEST = `
SELECT coalesce((SELECT sum(d.version) FROM archive_days d WHERE d.event_day = $1), 0)::bigint AS "archiveVersion",
       coalesce((SELECT sum(d.row_count) FROM archive_days d WHERE d.event_day = $1), 0)::bigint AS "archivedRows",
       coalesce((SELECT jsonb_agg(jsonb_build_object('dataset', f.dataset, 'path', f.path, 'rows', f.row_count) ORDER BY f.path)
                   FROM archive_files f WHERE f.first_day <= $1 AND f.last_day >= $1), '[]') AS files,
       coalesce((SELECT jsonb_agg(s.session_id ORDER BY s.session_id COLLATE "C") FROM (${FLAGGED}) s), '[]') AS "flaggedSessions",
       to_jsonb(ARRAY(${KNOWN})) AS known, ${RELEASED_DIGEST} AS "releasedDigest",
       ${DIGEST} AS "flaggedDigest"`

const boundsOf = (day: UtcDay): [UtcDay, Date, Date] => [
  day,
  new Date(startOfDayMs(day)),
  new Date(startOfDayMs(addDays(day, 1))),
]

/** One statement, so that files, version and verdicts are of one moment. @throws GRD_STORE_* */
export async function readDayManifest(db: Queryable, day: UtcDay): Promise<DayManifest> {
  const { rows } = await db.query<DayManifest>(MANIFEST, boundsOf(day))
  const [row] = rows
  if (!row) throw new Error('a SELECT without FROM has one row')
  return row
}

const STATE = `
SELECT (SELECT count(*) FROM archive_files f WHERE f.first_day <= $1 AND f.last_day >= $1) AS files,
       coalesce((SELECT sum(d.row_count) FROM archive_days d WHERE d.event_day = $1), 0)::bigint AS "archivedRows",
       coalesce((SELECT sum(d.version) FROM archive_days d WHERE d.event_day = $1), 0)::bigint AS "archiveVersion",
       (SELECT count(*) FROM (${FLAGGED}) s) AS "flaggedSessions",
       ${DIGEST} AS "flaggedDigest", ${RELEASED_DIGEST} AS "releasedDigest",
       EXISTS (SELECT FROM dropped_days x WHERE x.day = $1) AS "isDropped",
       (SELECT jsonb_build_object('atMs', round(extract(epoch FROM k.published_ts) * 1000), 'archiveVersion', k.archive_version,
                 'archivedRows', k.archived_rows, 'flaggedDigest', k.flagged_digest, 'flaggedSessions', k.flagged_sessions,
                 'releasedDigest', coalesce(k.released_digest, md5('')))
          FROM kpi_days k WHERE k.day = $1 AND k.published_ts IS NOT NULL) AS published`

/** How a day stands, without reading its files. @throws GRD_STORE_* */
export async function readDayState(db: Queryable, day: UtcDay): Promise<DayState> {
  const { rows } = await db.query<Omit<DayState, 'day'>>(STATE, boundsOf(day))
  const [row] = rows
  if (!row) throw new Error('a SELECT without FROM has one row')
  return { day, ...row }
}

const dayBegins = (day: string): string => `(${day})::timestamp AT TIME ZONE 'UTC'`

/** What an incident on a day says of its events: some are missing, cannot be read, or come from an attack. */
const TELLING_SOURCES = "('data-gaps', 'dead-letters', 'anomaly-burst')"

/**
 * Clicks and purchases of the published days before a day, newest first, 28 at most: the days that tell what is usual. A
 * day is left out that was unusual itself, on which archived records were missing, or on which an incident was critical.
 * @throws GRD_STORE_*
 */
export async function recentEvents(db: Queryable, day: UtcDay): Promise<number[]> {
  const { rows } = await db.query<{ events: number }>(
    `SELECT m.events + m.purchases AS events FROM daily_metrics m JOIN kpi_days k ON k.day = m.day
      WHERE m.traffic = 'all' AND m.day < $1 AND m.day >= $1::date - 28 AND m.events > 0 AND NOT k.is_unusual
        AND NOT EXISTS (SELECT FROM archive_gaps g
                         WHERE g.detected_ts >= ${dayBegins('m.day')} AND g.detected_ts < ${dayBegins('m.day + 2')})
        AND NOT EXISTS (SELECT FROM alert_history h
                         WHERE h.kind = 'firing' AND h.severity = 'critical' AND h.source IN ${TELLING_SOURCES}
                           AND h.decided_ts >= ${dayBegins('m.day')} AND h.decided_ts < ${dayBegins('m.day + 1')})
      ORDER BY m.day DESC`,
    [day],
  )
  return rows.map(({ events }) => events)
}

/** Whether a day's anomalies were dropped: who was flagged on it is no longer known. @throws GRD_STORE_* */
export async function isDayDropped(db: Queryable, day: UtcDay): Promise<boolean> {
  const { rowCount } = await db.query('SELECT FROM dropped_days x WHERE x.day = $1', [day])
  return rowCount > 0
}

export interface ArchivePosition {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
}

/** How far the archive of each partition is. @throws GRD_STORE_* */
export async function readArchivePositions(db: Queryable): Promise<ArchivePosition[]> {
  const { rows } = await db.query<ArchivePosition>(
    `SELECT c.topic, c.kafka_partition AS partition, c.next_offset AS "nextOffset" FROM archive_checkpoints c
      ORDER BY c.topic, c.kafka_partition LIMIT 10000`,
  )
  return rows
}
