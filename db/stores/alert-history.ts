import { createHash } from 'node:crypto'
import type { Alert } from '../../domain/alerting/alert-message.js'
import type { Channel } from '../../domain/alerting/channel.js'
import type { UnreceivedMessage } from '../../domain/alerting/decide-alert.js'
import type { Queryable } from '../pool.js'

const HISTORY = `
INSERT INTO alert_history (alert_id, look_id, fingerprint, source, cause, kind, severity, outcome, suppressed_by,
  suppressed_by_id, incident_id, decided_ts, event_count, swallowed_alerts, swallowed_count, figures, links, summary,
  sample, first_step)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`

const DELIVERY = `
INSERT INTO alert_deliveries (alert_id, channel, created_ts) SELECT $1, c, $2 FROM unnest($3::text[]) c`

const UNRECEIVED = `
SELECT h.alert_id AS "alertId", h.event_count AS count, h.swallowed_alerts AS "swallowedAlerts",
       h.swallowed_count AS "swallowedCount"
  FROM alert_history h
 WHERE h.alert_id = ANY($1)
   AND NOT EXISTS (SELECT FROM alert_deliveries d WHERE d.alert_id = h.alert_id AND d.state <> 'failed')`

/** An alert's id: the same for the same look and fingerprint. */
export const alertIdOf = (lookId: string, fingerprint: string): string =>
  createHash('sha256').update(`${lookId}\n${fingerprint}`).digest('hex').slice(0, 24)

/** Writes an alert down, and what is owed to the channels if nothing suppressed it. @throws GRD_STORE_* */
export async function writeAlert(
  tx: Queryable,
  alert: Alert,
  { lookId, channels }: { readonly lookId: string; readonly channels: readonly Channel[] },
): Promise<void> {
  const { alertId, fingerprint, source, cause, kind, severity, suppressedBy, incidentId } = alert
  const at = new Date(alert.decidedMs)
  await tx.query(HISTORY, [
    ...[alertId, lookId, fingerprint, source, cause, kind, severity, suppressedBy === null ? 'sent' : 'suppressed'],
    ...[suppressedBy?.by ?? null, suppressedBy?.id ?? null, incidentId, at],
    ...[alert.count, alert.swallowedAlerts, alert.swallowedCount],
    ...[JSON.stringify(alert.figures), JSON.stringify(alert.links), alert.summary, alert.sample, alert.firstStep],
  ])
  if (suppressedBy === null) await tx.query(DELIVERY, [alertId, at, channels])
}

/** Which of these alerts reached nobody: they went to no channel, or every channel gave them up. @throws GRD_STORE_* */
export const readUnreceived = async (tx: Queryable, alertIds: readonly string[]): Promise<UnreceivedMessage[]> =>
  alertIds.length === 0 ? [] : (await tx.query<UnreceivedMessage>(UNRECEIVED, [alertIds])).rows
