import { isDeepStrictEqual } from 'node:util'
import type { Anomaly } from '../../domain/detection/anomaly.js'
import type { AnomalyRow } from '../../db/read-models/anomalies.js'

export interface Difference {
  readonly field: string
  readonly stored: unknown
  readonly recomputed: unknown
}

/** What of an anomaly the log and the rules determine, by the names that the API uses. */
const determinedByLog = (row: Anomaly) => ({
  session_id: row.sessionId,
  user_id: row.userId,
  rule_id: row.ruleId,
  rule_version: row.ruleVersion,
  mode: row.mode,
  window_start: new Date(row.windowStartMs).toISOString(),
  window_end: new Date(row.windowEndMs).toISOString(),
  event_count: row.eventCount,
  distinct_items: row.distinctItems,
  status: row.status,
  first_offset: row.firstOffset,
  last_offset: row.lastOffset,
  as_of_offset: row.asOfOffset,
  produced_ts: new Date(row.producedMs).toISOString(),
  kafka_ts: new Date(row.kafkaMs).toISOString(),
  evidence: row.evidence,
})

const stored = (row: AnomalyRow): ReturnType<typeof determinedByLog> =>
  determinedByLog({
    ...row,
    windowStartMs: row.windowStart.getTime(),
    windowEndMs: row.windowEnd.getTime(),
    producedMs: row.producedTs.getTime(),
    kafkaMs: row.kafkaTs.getTime(),
    evidence: row.evidence as unknown as Anomaly['evidence'],
  })

/** Where a stored row is not what the log says; empty when they agree. The order of an object's fields is nothing. */
export function differences(row: AnomalyRow, recomputed: Anomaly): Difference[] {
  const [a, b] = [stored(row), determinedByLog(recomputed)]
  return (Object.keys(a) as (keyof typeof a)[])
    .filter((field) => !isDeepStrictEqual(a[field], b[field]))
    .map((field) => ({ field, stored: a[field], recomputed: b[field] }))
}
