import { fingerprintOf, type Observation } from '../observation.js'
import { countOf, numberWords } from '../words.js'

/** A day whose stored anomalies are not those that its archive gives. */
export interface ReconciledDifference {
  readonly day: string
  readonly expected: number
  readonly missing: number
  readonly extra: number
  readonly different: number
}

/** Detector and archive must agree: a difference is never a warning. */
export const observeDifferences = (found: readonly ReconciledDifference[]): Observation[] =>
  found.map(({ day, expected, missing, extra, different }) => {
    const count = missing + extra + different
    const parts = Object.entries({ missing, extra, different }).flatMap(([name, n]) =>
      n === 0 ? [] : [`${numberWords(n)} ${name}`],
    )
    return {
      source: 'reconciliation',
      fingerprint: fingerprintOf('reconciliation', day),
      cause: `The anomalies of ${day} are not those that the archive gives`,
      severity: 'critical',
      count,
      summary:
        `${countOf(count, 'anomaly', 'anomalies')} of ${day} ${count === 1 ? 'differs' : 'differ'} from what the archive gives: ` +
        `${parts.join(', ')}; the archive gives ${numberWords(expected)}.`,
      sample: null,
      firstStep: `Do not act on the anomalies of ${day} yet: \`GET /reconciliations/${day}/differences\` lists the rows, and the runbook says how to find out which side is wrong.`,
      figures: { day, expected, missing, extra, different },
      links: [],
    }
  })
