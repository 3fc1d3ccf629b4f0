import { fingerprintOf, severityOf, type Observation, type Thresholds } from '../observation.js'
import { countOf, spanWords } from '../words.js'

/** Sessions that one rule flagged. */
export interface AnomalyBurst {
  readonly ruleId: string
  readonly sessions: number
}

/**
 * Rules that flagged sessions since the last look, one observation each; the thresholds say whether that is unusual.
 * @param seconds that they were counted over: thresholds are per minute
 */
export const observeBursts = (bursts: readonly AnomalyBurst[], seconds: number, thresholds: Thresholds) =>
  bursts.map(({ ruleId, sessions }): Observation => ({
    source: 'anomaly-burst',
    fingerprint: fingerprintOf('anomaly-burst', ruleId),
    cause: `Unusually many sessions are flagged by ${ruleId}`,
    severity: severityOf((sessions * 60) / Math.max(seconds, 60), thresholds),
    count: sessions,
    summary: `${countOf(sessions, 'session')} ${sessions === 1 ? 'was' : 'were'} flagged by ${ruleId} in the last ${spanWords(seconds * 1_000)}, more than usual.`,
    sample: null,
    firstStep: `Find out what the sessions share (address, user agent, pages): \`GET /anomalies?rule=${encodeURIComponent(ruleId)}\`. Allowlist a load test or a crawler that may; block an attack.`,
    figures: { sessions, 'over seconds': Math.round(seconds) },
    links: [],
  }))
