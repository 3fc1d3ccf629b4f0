import type { Dataset } from '../../domain/archive/archive-file.js'
import type { DayState } from '../../domain/kpi/day-versions.js'
import type { KnownRecord } from '../../domain/kpi/quarantine.js'
import { shopDayBounds, UTC, utcDaysOf, type TimeZone } from '../../domain/shop-day.js'
import type { UtcDay } from '../../domain/utc-day.js'
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

/** What is archived of the day: as a whole of a UTC day ($6), else by quarters of an hour. */
const archived = (column: 'version' | 'row_count'): string =>
  `coalesce(CASE WHEN $6::boolean THEN (SELECT sum(d.${column}) FROM archive_days d WHERE d.event_day = $1)
                 ELSE (SELECT sum(s.${column}) FROM archive_slots s
                        WHERE s.slot_start > $2::timestamptz - interval '15 minutes' AND s.slot_start < $3) END, 0)::bigint`

/** Files with rows of the UTC days $4 to $5, which the day has a part in. */
const HAS_ROWS = 'f.first_day <= $5 AND f.last_day >= $4'

const MANIFEST = `
SELECT ${archived('version')} AS "archiveVersion", ${archived('row_count')} AS "archivedRows",
       coalesce((SELECT jsonb_agg(jsonb_build_object('dataset', f.dataset, 'path', f.path, 'rows', f.row_count) ORDER BY f.path)
                   FROM archive_files f WHERE ${HAS_ROWS}), '[]') AS files,
       coalesce((SELECT jsonb_agg(s.session_id ORDER BY s.session_id COLLATE "C") FROM (${FLAGGED}) s), '[]') AS "flaggedSessions",
       to_jsonb(ARRAY(${KNOWN})) AS known, ${RELEASED_DIGEST} AS "releasedDigest",
       ${DIGEST} AS "flaggedDigest"`

/** The parameters of a day: itself, its bounds, its first and last UTC day, and whether it is one. */
function parametersOf(day: UtcDay, timeZone: TimeZone) {
  const bounds = shopDayBounds(timeZone, day)
  const { first, last } = utcDaysOf(bounds)
  return [day, new Date(bounds.fromMs), new Date(bounds.toMs), first, last, timeZone === UTC]
}

/** One statement, so that files, version and verdicts are of one moment. @throws GRD_STORE_* */
export async function readDayManifest(db: Queryable, day: UtcDay, timeZone: TimeZone): Promise<DayManifest> {
  const { rows } = await db.query<DayManifest>(MANIFEST, parametersOf(day, timeZone))
  const [row] = rows
  if (!row) throw new Error('a SELECT without FROM has one row')
  return row
}

const STATE = `
SELECT (SELECT count(*) FROM archive_files f WHERE ${HAS_ROWS}) AS files,
       ${archived('row_count')} AS "archivedRows", ${archived('version')} AS "archiveVersion",
       (SELECT count(*) FROM (${FLAGGED}) s) AS "flaggedSessions",
       ${DIGEST} AS "flaggedDigest", ${RELEASED_DIGEST} AS "releasedDigest",
       EXISTS (SELECT FROM dropped_days x WHERE x.day BETWEEN $4 AND $5) AS "isDropped",
       (SELECT jsonb_build_object('atMs', round(extract(epoch FROM k.published_ts) * 1000), 'archiveVersion', k.archive_version,
                 'archivedRows', k.archived_rows, 'flaggedDigest', k.flagged_digest, 'flaggedSessions', k.flagged_sessions,
                 'timeZone', k.time_zone, 'releasedDigest', coalesce(k.released_digest, md5('')))
          FROM kpi_days k WHERE k.day = $1 AND k.published_ts IS NOT NULL) AS published`

/** How a day stands, without reading its files. @throws GRD_STORE_* */
export async function readDayState(db: Queryable, day: UtcDay, timeZone: TimeZone): Promise<DayState> {
  const { rows } = await db.query<Omit<DayState, 'day' | 'timeZone'>>(STATE, parametersOf(day, timeZone))
  const [row] = rows
  if (!row) throw new Error('a SELECT without FROM has one row')
  return { day, timeZone, ...row }
}

const dayBegins = (day: string): string => `(${day})::timestamp AT TIME ZONE $2`

/** What an incident on a day says of its events: some are missing, cannot be read, or come from an attack. */
const TELLING_SOURCES = "('data-gaps', 'dead-letters', 'anomaly-burst')"

/**
 * Clicks and purchases of the published days before a day, newest first, 28 at most: the days that tell what is usual. A
 * day is left out that was unusual itself, on which archived records were missing, or on which an incident was critical.
 * @throws GRD_STORE_*
 */
export async function recentEvents(db: Queryable, day: UtcDay, timeZone: TimeZone): Promise<number[]> {
  const { rows } = await db.query<{ events: number }>(
    `SELECT m.events + m.purchases AS events FROM daily_metrics m JOIN kpi_days k ON k.day = m.day
      WHERE m.traffic = 'all' AND m.day < $1 AND m.day >= $1::date - 28 AND m.events > 0 AND NOT k.is_unusual
        AND NOT EXISTS (SELECT FROM archive_gaps g
                         WHERE g.detected_ts >= ${dayBegins('m.day')} AND g.detected_ts < ${dayBegins('m.day + 2')})
        AND NOT EXISTS (SELECT FROM alert_history h
                         WHERE h.kind = 'firing' AND h.severity = 'critical' AND h.source IN ${TELLING_SOURCES}
                           AND h.decided_ts >= ${dayBegins('m.day')} AND h.decided_ts < ${dayBegins('m.day + 1')})
      ORDER BY m.day DESC`,
    [day, timeZone],
  )
  return rows.map(({ events }) => events)
}

/** Whether anomalies of a day were dropped: who was flagged on it is no longer known. @throws GRD_STORE_* */
export async function isDayDropped(db: Queryable, day: UtcDay, timeZone: TimeZone): Promise<boolean> {
  const { first, last } = utcDaysOf(shopDayBounds(timeZone, day))
  const { rowCount } = await db.query('SELECT FROM dropped_days x WHERE x.day BETWEEN $1 AND $2', [first, last])
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
