/**
 * What people have said of anomalies, as SQL that other queries are made of. The rows that the detector writes are a
 * function of the log and the rules, and stay so: verdicts and the allowlist act where anomalies are read. Neither asks
 * what time it is: what counts for a day is the same whenever it is computed.
 */

const isOf = (verdict: string, anomaly: string): string =>
  ['window_start', 'session_id', 'rule_id', 'mode']
    .map((column) => `${verdict}.${column} = ${anomaly}.${column}`)
    .join(' AND ')

/** The current verdict on an anomaly. @param anomaly alias of `anomaly_sessions` */
export const verdictOf = (anomaly: string): string =>
  `coalesce((SELECT v.verdict FROM anomaly_verdicts v WHERE ${isOf('v', anomaly)} AND v.is_current), 'undecided')`

/** Whether an entry is for the time of an anomaly's window. */
const isThen = (entry: string, anomaly: string): string =>
  `${entry}.starts_ts < ${anomaly}.window_end AND ${entry}.ends_ts > ${anomaly}.window_start`

const clientOf = (anomaly: string, field: string): string => `(${anomaly}.evidence #>> '{crossed,client,${field}}')`

/** What an entry of each kind names. An address is what a client says: what is none is in no range. */
const NAMES: readonly ((entry: string, anomaly: string) => string)[] = [
  (e, a) => `${e}.kind = 'session' AND ${e}.value = ${a}.session_id`,
  (e, a) => `${e}.kind = 'user' AND ${e}.value = ${a}.user_id`,
  (e, a) => {
    const ip = clientOf(a, 'ip')
    return `${e}.kind = 'address' AND CASE WHEN pg_input_is_valid(${ip}, 'inet') THEN ${ip}::inet <<= ${e}.address_range END`
  },
  (e, a) => {
    const agent = clientOf(a, 'user_agent')
    return `${e}.kind = 'user_agent' AND CASE WHEN right(${e}.value, 1) = '*'
              THEN starts_with(${agent}, left(${e}.value, -1)) ELSE ${agent} = ${e}.value END`
  },
]

/** Whether an entry of the allowlist covers an anomaly. @param entry alias of `allowlist_entries` @param anomaly as above */
export const isCoveredBy = (entry: string, anomaly: string): string =>
  `${isThen(entry, anomaly)} AND (${NAMES.map((names) => names(entry, anomaly)).join(' OR ')})`

/** The entry of the allowlist that an anomaly is covered by, the oldest of several; null without. @param anomaly as above */
export const allowlistEntryOf = (anomaly: string): string =>
  `(SELECT e.entry_id FROM allowlist_entries e
     WHERE ${isCoveredBy('e', anomaly)}
     ORDER BY e.created_ts, e.entry_id LIMIT 1)`

/**
 * Whether an anomaly counts for figures and alerts: a false positive does not, nor one that the allowlist covers. A
 * condition for each kind, so that sessions and users are looked up and not compared one by one.
 * @param anomaly as above
 */
export const countsAsFlagged = (anomaly: string): string =>
  [
    `SELECT FROM anomaly_verdicts v WHERE ${isOf('v', anomaly)} AND v.is_current AND v.verdict = 'false_positive'`,
    ...NAMES.map((names) => `SELECT FROM allowlist_entries e WHERE ${isThen('e', anomaly)} AND ${names('e', anomaly)}`),
  ]
    .map((found) => `NOT EXISTS (${found})`)
    .join('\n   AND ')
