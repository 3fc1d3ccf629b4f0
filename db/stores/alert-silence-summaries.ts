import type { SilencedIncident } from '../../domain/alerting/silence-summary.js'
import type { Silence } from '../../domain/alerting/silence.js'
import type { Queryable } from '../pool.js'

/** Silences that one look sums up at most; the next one does the rest. */
const MAX_SILENCES = 20
/** Incidents of one silence that are read; a summary names fewer. */
const MAX_INCIDENTS = 1_000

const ENDED = `
SELECT s.silence_id AS "silenceId", s.kind, s.matcher, s.up_to AS "upTo", s.starts_ts AS "startsTs", s.ends_ts AS "endsTs"
  FROM alert_silences s
 WHERE s.ends_ts <= $1 AND s.ends_ts > $2
   AND NOT EXISTS (SELECT FROM alert_silence_summaries m WHERE m.silence_id = s.silence_id)
 ORDER BY s.ends_ts, s.silence_id LIMIT ${MAX_SILENCES}`

/** Of an incident of which a message was sent, before or behind the silence, people know. */
const SWALLOWED = `
SELECT i.*, NOT EXISTS (SELECT FROM alert_states t WHERE t.fingerprint = i.fingerprint AND t.incident_id = i."incidentId") AS "isOver"
  FROM (SELECT h.fingerprint, h.incident_id AS "incidentId", (array_agg(h.cause ORDER BY h.decided_ts DESC))[1] AS cause,
               CASE WHEN bool_or(h.severity = 'critical') THEN 'critical' ELSE 'warning' END AS severity,
               count(*) AS alerts, sum(h.event_count)::bigint AS count,
               min(h.decided_ts) AS "firstTs", max(h.decided_ts) AS "lastTs"
          FROM alert_history h
         WHERE h.suppressed_by_id = $1 AND h.suppressed_by IN ('silence', 'maintenance') AND h.kind = 'firing'
         GROUP BY h.fingerprint, h.incident_id) i
 WHERE NOT EXISTS (SELECT FROM alert_history o WHERE o.fingerprint = i.fingerprint AND o.incident_id = i."incidentId"
         AND o.outcome = 'sent')
 ORDER BY i."firstTs", i.fingerprint LIMIT ${MAX_INCIDENTS}`

/** What the summary has said is not owed any more; the end of what is still open is. */
const SAID = `
UPDATE alert_states AS t
   SET swallowed_alerts = greatest(0, t.swallowed_alerts - $3), swallowed_count = greatest(0, t.swallowed_count - $4),
       is_announced = t.is_announced OR coalesce(t.incident_id = $2, false)
 WHERE t.fingerprint = $1`

const DONE = 'INSERT INTO alert_silence_summaries (silence_id, decided_ts) VALUES ($1, $2)'

/** Silences that ended at `at` or before, later than `after`, and are not summed up yet. @throws GRD_STORE_* */
export async function listEndedSilences(tx: Queryable, at: Date, after: Date): Promise<Silence[]> {
  const { rows } = await tx.query<Omit<Silence, 'startsMs' | 'endsMs'> & { startsTs: Date; endsTs: Date }>(ENDED, [
    at,
    after,
  ])
  return rows.map(({ startsTs, endsTs, ...one }) => ({
    ...one,
    startsMs: startsTs.getTime(),
    endsMs: endsTs.getTime(),
  }))
}

/** The incidents of which nobody was sent a message because of a silence, oldest first. @throws GRD_STORE_* */
export async function readSilencedIncidents(tx: Queryable, silenceId: string): Promise<SilencedIncident[]> {
  const { rows } = await tx.query<Omit<SilencedIncident, 'firstMs' | 'lastMs'> & { firstTs: Date; lastTs: Date }>(
    SWALLOWED,
    [silenceId],
  )
  return rows.map(({ firstTs, lastTs, ...one }) => ({
    ...one,
    firstMs: firstTs.getTime(),
    lastMs: lastTs.getTime(),
  }))
}

/** Stores that a silence is summed up, and that these incidents are in its summary. @throws GRD_STORE_* */
export async function markSummarized(
  tx: Queryable,
  silenceId: string,
  at: Date,
  incidents: readonly SilencedIncident[],
): Promise<void> {
  await tx.query(DONE, [silenceId, at])
  for (const { fingerprint, incidentId, alerts, count } of incidents)
    await tx.query(SAID, [fingerprint, incidentId, alerts, count])
}
