import { createHash } from 'node:crypto'
import type { Channel } from '../../domain/alerting/channel.js'
import { decideAlert, type AlertEntry, type AlertPolicy, type AlertState } from '../../domain/alerting/decide-alert.js'
import type { AlertSource, Observation } from '../../domain/alerting/observation.js'
import type { Database, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { forgetAlertStates, loadAlertStates, readSilences, saveAlertState } from './alert-states.js'

export interface LookRequest {
  /** The same look is decided once, however often it is recorded. */
  readonly lookId: string
  readonly at: Date
  readonly observations: readonly Observation[]
  /** The sources that answered: what was not seen by one that did not answer is not over. */
  readonly sources: readonly AlertSource[]
  readonly policy: AlertPolicy
  /** Channels that a message goes to. */
  readonly channels: readonly Channel[]
  /** For how long what was decided is kept. */
  readonly keptMs: number
  /** What else belongs into the same transaction. */
  readonly alongside?: (tx: Transaction) => Promise<void>
}

export interface LookOutcome {
  /** Alerts that are to be delivered. */
  readonly sent: readonly string[]
  readonly suppressed: number
}

/** Looks are decided one at a time, so that two never decide about one fingerprint at once. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtext('guardian alert look'))`

const DECIDED = `
SELECT h.alert_id AS "alertId", h.outcome FROM alert_looks l LEFT JOIN alert_history h ON h.look_id = l.look_id
 WHERE l.look_id = $1 ORDER BY h.alert_id LIMIT 10000`

const LOOK = 'INSERT INTO alert_looks (look_id, decided_ts, details) VALUES ($1, $2, $3)'

const HISTORY = `
INSERT INTO alert_history (alert_id, look_id, fingerprint, source, cause, kind, severity, outcome, suppressed_by,
  suppressed_by_id, incident_id, decided_ts, event_count, swallowed_alerts, swallowed_count, figures, links)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`

const DELIVERY = `
INSERT INTO alert_deliveries (alert_id, channel, created_ts) SELECT $1, c, $2 FROM unnest($3::text[]) c`

/** What a look forgets of each at most: more than one look adds. */
const FORGOTTEN_PER_LOOK = 1_000

const FORGET_HISTORY = `
DELETE FROM alert_history o WHERE o.alert_id IN
  (SELECT h.alert_id FROM alert_history h WHERE h.decided_ts < $1 ORDER BY h.decided_ts LIMIT ${FORGOTTEN_PER_LOOK})`

const FORGET_LOOKS = `
DELETE FROM alert_looks o WHERE o.look_id IN
  (SELECT l.look_id FROM alert_looks l WHERE l.decided_ts < $1 ORDER BY l.decided_ts LIMIT ${FORGOTTEN_PER_LOOK})`

/** An alert's id: the same for the same look and fingerprint. */
const alertIdOf = (lookId: string, fingerprint: string): string =>
  createHash('sha256').update(`${lookId}\n${fingerprint}`).digest('hex').slice(0, 24)

/**
 * Decides what a look comes to and writes all of it in one transaction: history, what is remembered, and the
 * deliveries that are owed. Repeating it changes nothing and answers the same.
 * @throws GRD_STORE_*; GRD_COMMIT_UNKNOWN: repeating it tells; what `alongside` throws
 */
export async function recordLook(db: Database, request: LookRequest): Promise<LookOutcome> {
  return withTransaction(db, async (tx) => {
    await tx.query(LOCK)
    return (await decided(tx, request.lookId)) ?? (await decide(tx, request))
  })
}

async function decided(tx: Transaction, lookId: string): Promise<LookOutcome | undefined> {
  const { rows } = await tx.query<{ alertId: string | null; outcome: string | null }>(DECIDED, [lookId])
  if (rows.length === 0) return undefined
  return {
    sent: rows.flatMap(({ alertId, outcome }) => (alertId !== null && outcome === 'sent' ? [alertId] : [])),
    suppressed: rows.filter(({ outcome }) => outcome === 'suppressed').length,
  }
}

async function decide(tx: Transaction, request: LookRequest): Promise<LookOutcome> {
  const { lookId, at, observations, sources, policy, keptMs, alongside } = request
  await alongside?.(tx)
  const seen = new Map(observations.map((one) => [one.fingerprint, one]))
  const states = await loadAlertStates(tx, [...seen.keys()], sources)
  const silences = await readSilences(tx, at)
  await tx.query(LOOK, [lookId, at, JSON.stringify({ sources, observations: observations.length })])
  const sent: string[] = []
  let suppressed = 0
  for (const fingerprint of new Set([...seen.keys(), ...states.keys()])) {
    const alertId = alertIdOf(lookId, fingerprint)
    const observation = seen.get(fingerprint)
    const decision = decideAlert(observation, states.get(fingerprint), policy, {
      nowMs: at.getTime(),
      alertId,
      silences,
    })
    if (decision === undefined) continue
    await saveAlertState(tx, decision.state)
    if (decision.entry === null) continue
    await write(tx, request, alertId, decision.state, decision.entry, observation)
    if (decision.entry.suppressedBy === null) sent.push(alertId)
    else suppressed += 1
  }
  await forgetAlertStates(tx, new Date(at.getTime() - 2 * policy.windowMs))
  for (const forget of [FORGET_HISTORY, FORGET_LOOKS]) await tx.query(forget, [new Date(at.getTime() - keptMs)])
  return { sent: sent.sort(), suppressed }
}

async function write(
  tx: Transaction,
  { lookId, at, channels }: LookRequest,
  alertId: string,
  { fingerprint, source, cause }: AlertState,
  entry: AlertEntry,
  observation: Observation | undefined,
): Promise<void> {
  const { kind, severity, suppressedBy, incidentId, count, swallowedAlerts, swallowedCount } = entry
  await tx.query(HISTORY, [
    ...[alertId, lookId, fingerprint, source, cause, kind, severity, suppressedBy === null ? 'sent' : 'suppressed'],
    ...[suppressedBy?.by ?? null, suppressedBy?.id ?? null, incidentId, at, count, swallowedAlerts, swallowedCount],
    ...[JSON.stringify(observation?.figures ?? {}), JSON.stringify(observation?.links ?? [])],
  ])
  if (suppressedBy === null) await tx.query(DELIVERY, [alertId, at, channels])
}
