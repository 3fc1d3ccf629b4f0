import type { AlertKind } from '../../domain/alerting/alert-message.js'
import type { Channel, ChannelCircuit } from '../../domain/alerting/channel.js'
import type { AlertLink, AlertSource, Figures, Severity } from '../../domain/alerting/observation.js'
import type { Suppression } from '../../domain/alerting/decide-alert.js'
import type { Queryable } from '../pool.js'

export interface AlertRow {
  readonly alertId: string
  readonly fingerprint: string
  readonly source: AlertSource
  readonly cause: string
  readonly kind: AlertKind
  readonly severity: Severity
  readonly outcome: 'sent' | 'suppressed'
  readonly suppressedBy: Suppression | null
  readonly suppressedById: string | null
  readonly incidentId: string
  readonly decidedTs: Date
  readonly eventCount: number
  readonly swallowedAlerts: number
  readonly swallowedCount: number
  readonly figures: Figures
  readonly links: readonly AlertLink[]
  readonly summary: string
  readonly sample: string | null
  readonly firstStep: string
}

export interface DeliveryRow {
  readonly channel: Channel
  readonly state: 'pending' | 'sending' | 'sent' | 'failed'
  readonly attempts: number
  /** Of these, attempts of which nobody knows whether they arrived. */
  readonly unknownAttempts: number
  readonly lastFault: string | null
  readonly endedTs: Date | null
}

export interface AlertFilter {
  readonly fingerprint?: string | undefined
  readonly source?: AlertSource | undefined
  readonly severity?: Severity | undefined
  readonly outcome?: 'sent' | 'suppressed' | undefined
  /** What a silence swallowed, or a message suppressed. */
  readonly suppressedById?: string | undefined
  readonly limit: number
  /** The last alert of the page before. */
  readonly after?: string | undefined
}

const COLUMNS = `h.alert_id AS "alertId", h.fingerprint, h.source, h.cause, h.kind, h.severity, h.outcome,
       h.suppressed_by AS "suppressedBy", h.suppressed_by_id AS "suppressedById", h.incident_id AS "incidentId",
       h.decided_ts AS "decidedTs", h.event_count AS "eventCount", h.swallowed_alerts AS "swallowedAlerts",
       h.swallowed_count AS "swallowedCount", h.figures, h.links, h.summary, h.sample, h.first_step AS "firstStep"`

const LIST = `
SELECT ${COLUMNS} FROM alert_history h
 WHERE ($1::text IS NULL OR h.fingerprint = $1) AND ($2::text IS NULL OR h.source = $2)
   AND ($3::text IS NULL OR h.severity = $3) AND ($4::text IS NULL OR h.outcome = $4)
   AND ($5::text IS NULL OR h.suppressed_by_id = $5)
   AND ($6::text IS NULL OR (h.decided_ts, h.alert_id) < (SELECT l.decided_ts, l.alert_id FROM alert_history l WHERE l.alert_id = $6))
 ORDER BY h.decided_ts DESC, h.alert_id DESC LIMIT $7`

const DELIVERIES = `
SELECT d.channel, d.state, d.attempts, d.unknown_attempts AS "unknownAttempts", d.last_fault AS "lastFault", d.ended_ts AS "endedTs"
  FROM alert_deliveries d WHERE d.alert_id = $1 ORDER BY d.channel`

const CHANNELS = `
SELECT c.channel, c.is_configured AS "isConfigured", c.circuit,
       (SELECT count(*) FROM alert_deliveries d WHERE d.channel = c.channel AND d.state IN ('pending', 'sending')) AS owed
  FROM alert_channels c ORDER BY c.channel`

/** One page of alerts, newest first; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listAlerts(db: Queryable, filter: AlertFilter): Promise<AlertRow[]> {
  const {
    fingerprint = null,
    source = null,
    severity = null,
    outcome = null,
    suppressedById = null,
    after = null,
  } = filter
  const { rows } = await db.query<AlertRow>(LIST, [
    ...[fingerprint, source, severity, outcome, suppressedById, after],
    filter.limit + 1,
  ])
  return rows
}

/** One alert and what became of its messages. @returns undefined when there is none @throws GRD_STORE_* */
export async function readAlert(
  db: Queryable,
  alertId: string,
): Promise<{ alert: AlertRow; deliveries: DeliveryRow[] } | undefined> {
  const { rows } = await db.query<AlertRow>(`SELECT ${COLUMNS} FROM alert_history h WHERE h.alert_id = $1`, [alertId])
  const [alert] = rows
  if (!alert) return undefined
  return { alert, deliveries: (await db.query<DeliveryRow>(DELIVERIES, [alertId])).rows }
}

export interface ChannelRow {
  readonly channel: Channel
  readonly isConfigured: boolean
  /** To its receiver, in the process where it changed last. */
  readonly circuit: ChannelCircuit
  /** Messages that have not been sent yet. */
  readonly owed: number
}

/** What the orchestrator said about its channels; empty before its first start. @throws GRD_STORE_* */
export const readChannels = async (db: Queryable): Promise<ChannelRow[]> => (await db.query<ChannelRow>(CHANNELS)).rows
