import { wordsOfRecovery, type Alert } from '../../domain/alerting/alert-message.js'
import type { Channel } from '../../domain/alerting/channel.js'
import {
  decideAlert,
  withoutUnreceived,
  type AlertEntry,
  type AlertPolicy,
  type AlertState,
} from '../../domain/alerting/decide-alert.js'
import { fingerprintOf, type AlertSource, type Observation, type Severity } from '../../domain/alerting/observation.js'
import { summaryOf } from '../../domain/alerting/silence-summary.js'
import { silenceOver, type Silence } from '../../domain/alerting/silence.js'
import type { Database, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { alertIdOf, readUnreceived, writeAlert } from './alert-history.js'
import { listEndedSilences, markSummarized, readSilencedIncidents } from './alert-silence-summaries.js'
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

/** What a look forgets of each at most: more than one look adds. */
const FORGOTTEN_PER_LOOK = 1_000

const FORGET_HISTORY = `
DELETE FROM alert_history o WHERE o.alert_id IN
  (SELECT h.alert_id FROM alert_history h WHERE h.decided_ts < $1 ORDER BY h.decided_ts LIMIT ${FORGOTTEN_PER_LOOK})`

const FORGET_LOOKS = `
DELETE FROM alert_looks o WHERE o.look_id IN
  (SELECT l.look_id FROM alert_looks l WHERE l.decided_ts < $1 ORDER BY l.decided_ts LIMIT ${FORGOTTEN_PER_LOOK})`

const FORGET_SUMMARIES = `
DELETE FROM alert_silence_summaries o WHERE o.silence_id IN
  (SELECT m.silence_id FROM alert_silence_summaries m WHERE m.decided_ts < $1 ORDER BY m.decided_ts LIMIT ${FORGOTTEN_PER_LOOK})`

const FORGOTTEN = [FORGET_HISTORY, FORGET_LOOKS, FORGET_SUMMARIES]

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
  const { lookId, at, observations, sources, policy, channels, keptMs, alongside } = request
  await alongside?.(tx)
  const seen = new Map(observations.map((one) => [one.fingerprint, one]))
  const states = await loadStates(tx, [...seen.keys()], sources)
  const silences = await readSilences(tx, at)
  await tx.query(LOOK, [lookId, at, JSON.stringify({ sources, observations: observations.length })])
  const sent: string[] = []
  let suppressed = 0
  for (const fingerprint of new Set([...seen.keys(), ...states.keys()])) {
    const alertId = alertIdOf(lookId, fingerprint)
    const observation = seen.get(fingerprint)
    const look = { nowMs: at.getTime(), alertId, silences, isReceivable: channels.length > 0 }
    const decision = decideAlert(observation, states.get(fingerprint), policy, look)
    if (decision === undefined) continue
    const { state, entry } = decision
    await saveAlertState(tx, state)
    if (entry === null) continue
    await writeAlert(tx, alertOf({ alertId, state, entry, observation, decidedMs: at.getTime() }), request)
    if (entry.suppressedBy === null) sent.push(alertId)
    else suppressed += 1
  }
  sent.push(...(await sumUpSilences(tx, request, silences)))
  await forgetAlertStates(tx, new Date(at.getTime() - 2 * policy.windowMs))
  for (const forget of FORGOTTEN) await tx.query(forget, [new Date(at.getTime() - keptMs)])
  return { sent: sent.sort(), suppressed }
}

interface Decided {
  readonly alertId: string
  readonly state: AlertState
  readonly entry: AlertEntry
  readonly observation: Observation | undefined
  readonly decidedMs: number
}

function alertOf({ alertId, state, entry, observation, decidedMs }: Decided): Alert {
  const { fingerprint, source, cause } = state
  const isFiring = entry.kind === 'firing' && observation !== undefined
  const { summary, sample, firstStep } = isFiring ? observation : wordsOfRecovery(state.lastSeenMs)
  const [figures, links] = isFiring ? [observation.figures, observation.links] : [{}, []]
  return { ...entry, alertId, fingerprint, source, cause, decidedMs, summary, sample, firstStep, figures, links }
}

/** The states without messages that reached nobody. */
async function loadStates(
  tx: Transaction,
  fingerprints: readonly string[],
  sources: readonly AlertSource[],
): Promise<Map<string, AlertState>> {
  const states = await loadAlertStates(tx, fingerprints, sources)
  const marks = [...states.values()].flatMap(({ sent }) => Object.values(sent).map(({ alertId }) => alertId))
  const unreceived = await readUnreceived(tx, marks)
  return new Map([...states].map(([fingerprint, state]) => [fingerprint, withoutUnreceived(state, unreceived)]))
}

/**
 * Sums up the silences that have ended: one message for each that swallowed something. It waits while another silence
 * covers any of it, and while no channel could take it.
 * @returns the alerts to be delivered
 */
async function sumUpSilences(tx: Transaction, request: LookRequest, silences: readonly Silence[]): Promise<string[]> {
  const { lookId, at, keptMs, channels } = request
  if (channels.length === 0) return []
  const nowMs = at.getTime()
  const sent: string[] = []
  for (const silence of await listEndedSilences(tx, at, new Date(nowMs - keptMs))) {
    const incidents = await readSilencedIncidents(tx, silence.silenceId)
    const fingerprint = fingerprintOf('silences', silence.silenceId)
    const isSilent = (one: string, severity: Severity) => silenceOver(silences, one, severity, nowMs) !== undefined
    if (incidents.some((one) => isSilent(one.fingerprint, one.severity) || isSilent(fingerprint, one.severity)))
      continue
    await markSummarized(tx, silence.silenceId, at, incidents)
    if (incidents.length === 0) continue
    const alertId = alertIdOf(lookId, fingerprint)
    const alert = { alertId, fingerprint, source: 'silences', kind: 'summary', incidentId: alertId } as const
    const nothingElse = { suppressedBy: null, swallowedAlerts: 0, swallowedCount: 0, figures: {}, links: [] }
    await writeAlert(tx, { ...alert, ...nothingElse, ...summaryOf(silence, incidents), decidedMs: nowMs }, request)
    sent.push(alertId)
  }
  return sent
}
