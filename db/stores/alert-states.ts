import type { AlertState } from '../../domain/alerting/decide-alert.js'
import type { AlertSource } from '../../domain/alerting/observation.js'
import type { Silence } from '../../domain/alerting/silence.js'
import type { Queryable } from '../pool.js'

interface StateRow extends Omit<AlertState, 'lastSeenMs'> {
  readonly lastSeenTs: Date
}

const LOAD = `
SELECT s.fingerprint, s.source, s.cause, s.severity, s.incident_id AS "incidentId", s.last_seen_ts AS "lastSeenTs",
       s.sent, s.is_announced AS "isAnnounced", s.swallowed_alerts AS "swallowedAlerts", s.swallowed_count AS "swallowedCount"
  FROM alert_states s
 WHERE s.fingerprint = ANY($1) OR (s.incident_id IS NOT NULL AND s.source = ANY($2))
 ORDER BY s.fingerprint LIMIT 10000`

const SAVE = `
INSERT INTO alert_states AS s (fingerprint, source, cause, severity, incident_id, last_seen_ts, sent, is_announced,
                               swallowed_alerts, swallowed_count)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (fingerprint) DO UPDATE SET cause = excluded.cause, severity = excluded.severity,
  incident_id = excluded.incident_id, last_seen_ts = excluded.last_seen_ts, sent = excluded.sent,
  is_announced = excluded.is_announced, swallowed_alerts = excluded.swallowed_alerts,
  swallowed_count = excluded.swallowed_count`

const SILENCES = `
SELECT s.silence_id AS "silenceId", s.kind, s.matcher, s.up_to AS "upTo", s.starts_ts AS "startsTs", s.ends_ts AS "endsTs"
  FROM alert_silences s WHERE s.starts_ts <= $1 AND s.ends_ts > $1 ORDER BY s.ends_ts DESC LIMIT 1000`

const FORGET = `
DELETE FROM alert_states s WHERE s.incident_id IS NULL AND s.swallowed_alerts = 0 AND s.swallowed_count = 0
   AND s.last_seen_ts < $1`

/** The states of these fingerprints, and of every open incident of these sources. @throws GRD_STORE_* */
export async function loadAlertStates(
  tx: Queryable,
  fingerprints: readonly string[],
  sources: readonly AlertSource[],
): Promise<Map<string, AlertState>> {
  const { rows } = await tx.query<StateRow>(LOAD, [fingerprints, sources])
  return new Map(
    rows.map(({ lastSeenTs, ...state }) => [state.fingerprint, { ...state, lastSeenMs: lastSeenTs.getTime() }]),
  )
}

/** @throws GRD_STORE_* */
export async function saveAlertState(tx: Queryable, state: AlertState): Promise<void> {
  await tx.query(SAVE, [
    ...[state.fingerprint, state.source, state.cause, state.severity, state.incidentId, new Date(state.lastSeenMs)],
    ...[JSON.stringify(state.sent), state.isAnnounced, state.swallowedAlerts, state.swallowedCount],
  ])
}

/** Forgets fingerprints that nobody has seen since `before` and of which nothing is left to be told. @throws GRD_STORE_* */
export async function forgetAlertStates(tx: Queryable, before: Date): Promise<void> {
  await tx.query(FORGET, [before])
}

/** The silences in force at an instant. @throws GRD_STORE_* */
export async function readSilences(tx: Queryable, at: Date): Promise<Silence[]> {
  const { rows } = await tx.query<Omit<Silence, 'startsMs' | 'endsMs'> & { startsTs: Date; endsTs: Date }>(SILENCES, [
    at,
  ])
  return rows.map(({ startsTs, endsTs, ...one }) => ({
    ...one,
    startsMs: startsTs.getTime(),
    endsMs: endsTs.getTime(),
  }))
}
