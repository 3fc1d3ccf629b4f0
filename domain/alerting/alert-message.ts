import type { AlertEntry } from './decide-alert.js'
import type { AlertLink, AlertSource, Figures } from './observation.js'

/** An alert as it is stored. */
export interface Alert extends AlertEntry {
  readonly alertId: string
  readonly fingerprint: string
  readonly source: AlertSource
  readonly cause: string
  readonly decidedMs: number
  readonly figures: Figures
  readonly links: readonly AlertLink[]
}

/** What every channel says about an alert, in plain text; each channel gives it its form. */
export interface AlertMessage {
  readonly severity: 'warning' | 'critical' | 'recovered'
  /** The same for all messages of a fingerprint, so that they make one thread. */
  readonly subject: string
  readonly headline: string
  readonly lines: readonly string[]
  readonly figures: readonly (readonly [name: string, value: string])[]
  readonly links: readonly { readonly label: string; readonly url: string }[]
  /** Fingerprint and time, for whoever looks it up. */
  readonly footer: string
}

const WORDS = { warning: 'Warning', critical: 'Critical', recovered: 'Recovered' } as const

/** Where the runbook says what to do about alerts of a source, below the address of the API. */
export const runbookPath = (source: AlertSource): string => `/docs/runbook#${source}`

/** @param baseUrl where the API is reached by people */
export function messageOf(alert: Alert, baseUrl: string): AlertMessage {
  const severity = alert.kind === 'recovered' ? 'recovered' : alert.severity
  const link = ({ label, to }: AlertLink) => ({ label, url: to.startsWith('/') ? baseUrl + to : to })
  return {
    severity,
    subject: `[guardian] ${alert.cause}`,
    headline: `${WORDS[severity]}: ${alert.cause}`,
    lines: [...opening(alert), ...swallowed(alert)],
    figures: Object.entries(alert.figures).map(([name, value]) => [name, String(value)]),
    links: [
      ...alert.links,
      { label: 'What to do', to: runbookPath(alert.source) },
      { label: 'This alert', to: `/alerts/${alert.alertId}` },
    ].map(link),
    footer: `${alert.fingerprint} · ${new Date(alert.decidedMs).toISOString()}`,
  }
}

const opening = ({ kind, count }: Alert): string[] =>
  kind === 'recovered' ? ['Nothing more of it was seen for a while.'] : count > 0 ? [`${count} in this look.`] : []

/** What was kept back is told with the next message, so that nothing is swallowed for good. */
const swallowed = ({ kind, count, swallowedAlerts, swallowedCount }: Alert): string[] => {
  const rest = swallowedCount + (kind === 'recovered' ? count : 0)
  if (swallowedAlerts === 0 && rest === 0) return []
  return [`Since the last message: ${swallowedAlerts} more alerts that were not sent, ${rest} more of it counted.`]
}
