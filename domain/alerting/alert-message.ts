import type { AlertEntry } from './decide-alert.js'
import type { AlertLink, AlertSource, AlertWords, Figures } from './observation.js'
import { countOf, numberWords, timeWords } from './words.js'

/** An alert as it is stored. */
export interface Alert extends Omit<AlertEntry, 'kind'>, AlertWords {
  readonly kind: AlertKind
  readonly alertId: string
  readonly fingerprint: string
  readonly source: AlertSource
  readonly cause: string
  readonly decidedMs: number
  readonly figures: Figures
  readonly links: readonly AlertLink[]
}

/** A summary is what a silence has swallowed. A closed list: it is a column. */
export const ALERT_KINDS = ['firing', 'recovered', 'summary'] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

/** What every channel says about an alert, in plain text; each channel gives it its form. */
export interface AlertMessage {
  readonly severity: 'warning' | 'critical' | 'recovered'
  /** The same for all messages of a fingerprint and severity, so that they make one thread. */
  readonly subject: string
  readonly headline: string
  /** Sentences, in order; text between backticks is a command. */
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
  const headline = `${WORDS[severity]}: ${alert.cause}`
  return {
    severity,
    headline,
    subject: `[guardian] ${headline}`,
    lines: [...wordsOf(alert), ...swallowed(alert)],
    figures: Object.entries(alert.figures).map(([name, value]) => [
      name,
      typeof value === 'number' ? numberWords(value) : value,
    ]),
    links: [...alert.links, { label: 'What to do', to: runbookPath(alert.source) }]
      .filter(isOpenable)
      .map(({ label, to }) => ({ label, url: to.startsWith('/') ? baseUrl + to : to })),
    footer: `${alert.fingerprint} · ${new Date(alert.decidedMs).toISOString()}`,
  }
}

/** All else below the API's address takes a key: a browser would show an error. */
const isOpenable = ({ to }: AlertLink): boolean => to.startsWith('/docs/') || /^https?:\/\//.test(to)

const wordsOf = ({ kind, summary, sample, firstStep }: Alert): string[] => [
  ...(summary === '' ? [] : [summary]),
  ...(sample === null ? [] : kind === 'summary' ? sample.split('\n') : [`Example: ${sample}`]),
  ...(firstStep === '' ? [] : [`What to do first: ${firstStep}`]),
]

/** What was kept back is in the next message, so that nothing is swallowed for good. */
const swallowed = ({ kind, count, swallowedAlerts, swallowedCount }: Alert): string[] => {
  const rest = swallowedCount + (kind === 'recovered' ? count : 0)
  if (swallowedAlerts === 0)
    return rest === 0 ? [] : [`${numberWords(rest)} more were counted since the last message, too few for an alert.`]
  const were = `${countOf(swallowedAlerts, 'alert')} ${swallowedAlerts === 1 ? 'was' : 'were'} suppressed since the last message`
  return [rest === 0 ? `${were}.` : `${were}; ${numberWords(rest)} more were counted.`]
}

/** What a message says about a cause that is over. @param lastSeenMs when it was seen last */
export const wordsOfRecovery = (lastSeenMs: number): AlertWords => ({
  summary: `It was last seen at ${timeWords(lastSeenMs)}, and not since then.`,
  sample: null,
  firstStep: '',
})
