import type { AlertWords, Severity } from './observation.js'
import type { Silence } from './silence.js'
import { countOf, numberWords, oneLine, timeWords } from './words.js'

/** An incident of which a silence has swallowed every message. */
export interface SilencedIncident {
  readonly fingerprint: string
  readonly incidentId: string
  readonly cause: string
  /** The worst that it was. */
  readonly severity: Severity
  /** Messages that were not sent. */
  readonly alerts: number
  /** What they counted. */
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  /** Whether nothing of it was seen any more when the silence ended. */
  readonly isOver: boolean
}

/** Incidents that a summary names; of more it says how many. */
const MAX_NAMED = 15
const MAX_CAUSE = 100
const NAMES = { warning: 'Warning', critical: 'Critical' } as const

/** What a silence has swallowed, in words: one summary at its end. @param incidents at least one */
export function summaryOf(
  { silenceId, matcher, startsMs, endsMs }: Silence,
  incidents: readonly SilencedIncident[],
): AlertWords & { readonly cause: string; readonly severity: Severity; readonly count: number } {
  const over = incidents.filter(({ isOver }) => isOver).length
  const open = incidents.length - over
  const named = incidents.slice(0, MAX_NAMED).map(lineOf)
  const more = incidents.length - named.length
  return {
    cause: `The silence of ${matcher} has ended`,
    severity: incidents.some(({ severity }) => severity === 'critical') ? 'critical' : 'warning',
    count: incidents.reduce((sum, { count }) => sum + count, 0),
    summary:
      `Between ${timeWords(startsMs)} and ${timeWords(endsMs)}, ${countOf(incidents.length, 'incident')} began without a message: ` +
      `${numberWords(over)} ${over === 1 ? 'is' : 'are'} over${open === 0 ? '' : `, ${numberWords(open)} ${open === 1 ? 'is' : 'are'} not`}.`,
    sample: [...named, ...(more > 0 ? [`… and ${countOf(more, 'other incident')}.`] : [])].join('\n'),
    firstStep: `Check that each is explained by the reason of the silence; \`GET /alerts?suppressed_by_id=${silenceId}\` lists every alert.`,
  }
}

function lineOf({ cause, severity, alerts, count, firstMs, lastMs, isOver }: SilencedIncident): string {
  const counted =
    count === 0 ? countOf(alerts, 'alert') : `${numberWords(count)} counted in ${countOf(alerts, 'alert')}`
  const [first, last] = [timeWords(firstMs), timeWords(lastMs)]
  const when = first === last ? `at ${first}` : `${first} to ${last}`
  return `• ${NAMES[severity]}: ${oneLine(cause, MAX_CAUSE)} (${counted}, ${when}, ${isOver ? 'over' : 'not over'})`
}
