import type { Alert } from '../../domain/alerting/alert-message.js'
import type { Channel, ChannelCircuit } from '../../domain/alerting/channel.js'
import type { Suppression } from '../../domain/alerting/decide-alert.js'
import type { Queryable } from '../pool.js'

export interface DeliveryId {
  readonly alertId: string
  readonly channel: Channel
}

export type Claim =
  | {
      readonly kind: 'claimed'
      readonly attempt: number
      /** Whether an earlier attempt may have arrived: it was never heard of again. */
      readonly isRepeat: boolean
    }
  /** Nothing is left to be done. */
  | { readonly kind: 'ended'; readonly state: 'sent' | 'failed' }
  /** Another attempt is under way, or was: its claim runs so long yet. */
  | { readonly kind: 'held'; readonly forMs: number }
  | { readonly kind: 'unknown_delivery' }

const CLAIM = `
UPDATE alert_deliveries AS d
   SET state = 'sending', attempts = d.attempts + 1, claim_token = $3,
       unknown_attempts = d.unknown_attempts + CASE d.state WHEN 'sending' THEN 1 ELSE 0 END,
       claimed_until = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
 WHERE d.alert_id = $1 AND d.channel = $2
   AND (d.state = 'pending' OR (d.state = 'sending' AND d.claimed_until <= clock_timestamp()))
RETURNING d.attempts AS attempt, d.unknown_attempts > 0 AS "isRepeat"`

const STATE = `
SELECT d.state, greatest(0, extract(epoch FROM d.claimed_until - clock_timestamp()) * 1000)::float8 AS "forMs"
  FROM alert_deliveries d WHERE d.alert_id = $1 AND d.channel = $2`

const SENT = `
UPDATE alert_deliveries AS d SET state = 'sent', ended_ts = clock_timestamp(), claim_token = NULL, claimed_until = NULL
 WHERE d.alert_id = $1 AND d.channel = $2 AND d.state <> 'sent'`

const NOT_SENT = `
UPDATE alert_deliveries AS d
   SET state = $4, last_fault = $5, unknown_attempts = d.unknown_attempts + $6::int, claim_token = NULL, claimed_until = NULL,
       ended_ts = CASE $4 WHEN 'failed' THEN clock_timestamp() END
 WHERE d.alert_id = $1 AND d.channel = $2 AND d.claim_token = $3 AND d.state = 'sending'`

const GIVE_UP = `
UPDATE alert_deliveries AS d
   SET state = 'failed', ended_ts = clock_timestamp(), last_fault = coalesce(d.last_fault, $3), claim_token = NULL, claimed_until = NULL
 WHERE d.alert_id = $1 AND d.channel = $2 AND d.state IN ('pending', 'sending')`

const UNDELIVERED = `
SELECT DISTINCT d.alert_id AS "alertId" FROM alert_deliveries d
 WHERE d.state IN ('pending', 'sending') AND d.created_ts < $1 ORDER BY 1 LIMIT $2`

const ALERT = `
SELECT h.alert_id AS "alertId", h.fingerprint, h.source, h.cause, h.kind, h.severity, h.suppressed_by AS "suppressedBy",
       h.suppressed_by_id AS "suppressedById", h.incident_id AS "incidentId", h.decided_ts AS "decidedTs",
       h.event_count AS count, h.swallowed_alerts AS "swallowedAlerts", h.swallowed_count AS "swallowedCount", h.figures, h.links,
       h.summary, h.sample, h.first_step AS "firstStep"
  FROM alert_history h WHERE h.alert_id = $1`

const CHANNEL = `
INSERT INTO alert_channels AS c (channel, is_configured, reported_ts) VALUES ($1, $2, $3)
ON CONFLICT (channel) DO UPDATE SET is_configured = excluded.is_configured, circuit = 'closed', reported_ts = excluded.reported_ts`

const CIRCUIT =
  'UPDATE alert_channels AS c SET circuit = $2, reported_ts = $3 WHERE c.channel = $1 AND c.reported_ts <= $3'

/**
 * Takes the right to send one message for a while. A claim that runs out without a word leaves open whether the message
 * arrived: the next one is told that it repeats.
 * @throws GRD_STORE_*
 */
export async function claimDelivery(
  db: Queryable,
  { alertId, channel }: DeliveryId,
  token: string,
  leaseMs: number,
): Promise<Claim> {
  const claimed = await db.query<{ attempt: number; isRepeat: boolean }>(CLAIM, [alertId, channel, token, leaseMs])
  const [own] = claimed.rows
  if (own) return { kind: 'claimed', ...own }
  const { rows } = await db.query<{ state: 'pending' | 'sending' | 'sent' | 'failed'; forMs: number | null }>(STATE, [
    alertId,
    channel,
  ])
  const [row] = rows
  if (!row) return { kind: 'unknown_delivery' }
  if (row.state === 'sent' || row.state === 'failed') return { kind: 'ended', state: row.state }
  return { kind: 'held', forMs: row.forMs ?? 0 }
}

/**
 * Whether somebody still has to send this message: the channel was configured when the alert was decided, and nothing
 * has ended its delivery since.
 * @throws GRD_STORE_*
 */
export async function isDeliveryOwed(db: Queryable, { alertId, channel }: DeliveryId): Promise<boolean> {
  const { rows } = await db.query<{ state: string }>(STATE, [alertId, channel])
  return rows.some(({ state }) => state === 'pending' || state === 'sending')
}

/** It was sent: a fact, whoever holds the claim by now. @throws GRD_STORE_* */
export async function markSent(db: Queryable, { alertId, channel }: DeliveryId): Promise<void> {
  await db.query(SENT, [alertId, channel])
}

export interface NotSent {
  /** A stable word, never what a server said. */
  readonly fault: string
  /** Whether it may have arrived all the same. */
  readonly mayHaveArrived: boolean
  /** Whether no further attempt can help. */
  readonly isFinal: boolean
}

/** Gives a claim back after an attempt that failed. @returns false when the claim was lost meanwhile @throws GRD_STORE_* */
export async function markNotSent(
  db: Queryable,
  { alertId, channel }: DeliveryId,
  token: string,
  { fault, mayHaveArrived, isFinal }: NotSent,
): Promise<boolean> {
  const { rowCount } = await db.query(NOT_SENT, [
    ...[alertId, channel, token, isFinal ? 'failed' : 'pending', fault, mayHaveArrived ? 1 : 0],
  ])
  return rowCount === 1
}

/** Ends a delivery that was tried for long enough. One that was sent stays sent. @throws GRD_STORE_* */
export async function giveDeliveryUp(db: Queryable, { alertId, channel }: DeliveryId, fault: string): Promise<void> {
  await db.query(GIVE_UP, [alertId, channel, fault])
}

/** Alerts decided before an instant that some channel still owes. @throws GRD_STORE_* */
export async function listUndelivered(db: Queryable, before: Date, limit: number): Promise<string[]> {
  return (await db.query<{ alertId: string }>(UNDELIVERED, [before, limit])).rows.map(({ alertId }) => alertId)
}

type AlertRow = Omit<Alert, 'decidedMs' | 'suppressedBy'> & {
  readonly decidedTs: Date
  readonly suppressedBy: Suppression | null
  readonly suppressedById: string | null
}

/** @throws GRD_STORE_* */
export async function getAlert(db: Queryable, alertId: string): Promise<Alert | undefined> {
  const [row] = (await db.query<AlertRow>(ALERT, [alertId])).rows
  if (!row) return undefined
  const { decidedTs, suppressedBy, suppressedById, ...rest } = row
  return {
    ...rest,
    decidedMs: decidedTs.getTime(),
    suppressedBy: suppressedBy === null ? null : { by: suppressedBy, id: suppressedById },
  }
}

/** Says which channels are configured, for whoever asks how the system is. @throws GRD_STORE_* */
export async function reportChannels(
  db: Queryable,
  channels: readonly { readonly channel: Channel; readonly isConfigured: boolean }[],
  at: Date,
): Promise<void> {
  for (const { channel, isConfigured } of channels) await db.query(CHANNEL, [channel, isConfigured, at])
}

/** Says how the circuit to a channel's receiver stands, in the process where it changed last. @throws GRD_STORE_* */
export async function reportCircuit(db: Queryable, channel: Channel, circuit: ChannelCircuit, at: Date): Promise<void> {
  await db.query(CIRCUIT, [channel, circuit, at])
}
