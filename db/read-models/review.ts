/**
 * What people have said of anomalies, as SQL that other queries are made of. The rows that the detector writes are a
 * function of the log and the rules, and stay so: a verdict acts where anomalies are read.
 */

const isOf = (verdict: string, anomaly: string): string =>
  ['window_start', 'session_id', 'rule_id', 'mode']
    .map((column) => `${verdict}.${column} = ${anomaly}.${column}`)
    .join(' AND ')

/** The current verdict on an anomaly. @param anomaly alias of `anomaly_sessions` */
export const verdictOf = (anomaly: string): string =>
  `coalesce((SELECT v.verdict FROM anomaly_verdicts v WHERE ${isOf('v', anomaly)} AND v.is_current), 'undecided')`

/** Whether an anomaly counts for figures and alerts: a false positive does not. @param anomaly as above */
export const countsAsFlagged = (anomaly: string): string =>
  `NOT EXISTS (SELECT FROM anomaly_verdicts v
                WHERE ${isOf('v', anomaly)} AND v.is_current AND v.verdict = 'false_positive')`
