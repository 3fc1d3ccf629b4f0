import type { AnomalyKey, AnomalyPage, AnomalyPageRequest, AnomalyRow } from '../../db/read-models/anomalies.js'
import { anomalyIdOf } from '../../schemas/rest/anomaly-id.js'
import type { Anomaly, AnomalyList } from '../../schemas/rest/anomalies.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { ProblemError } from '../problem-error.js'
import type { Handlers } from './router.js'

export interface AnomalyReader {
  readonly list: (request: AnomalyPageRequest) => Promise<AnomalyPage>
  readonly get: (key: AnomalyKey) => Promise<AnomalyRow | undefined>
}

/** `GET /anomalies` and `GET /anomalies/{id}`. */
export const createAnomalyHandlers = (
  anomalies: AnomalyReader,
): Pick<Handlers<Operations>, 'listAnomalies' | 'getAnomaly'> => ({
  async listAnomalies({ query }) {
    const { session, rule, limit, cursor, ...same } = query
    const { rows, hasMore } = await anomalies.list({ ...same, sessionId: session, ruleId: rule, limit, after: cursor })
    const last = rows.at(-1)
    const next = hasMore && last !== undefined ? anomalyIdOf(last) : null
    return { body: { data: rows.map(anomalyOf), page: { next_cursor: next, limit } } satisfies AnomalyList }
  },

  async getAnomaly({ params }) {
    const row = await anomalies.get(params.id)
    if (row === undefined) throw new ProblemError('ANOMALY_NOT_FOUND', 'no anomaly has this id')
    return { body: anomalyOf(row) }
  },
})

const anomalyOf = (row: AnomalyRow): Anomaly => ({
  id: anomalyIdOf(row),
  session_id: row.sessionId,
  user_id: row.userId,
  rule_id: row.ruleId,
  rule_version: row.ruleVersion,
  window_start: row.windowStart.toISOString(),
  window_end: row.windowEnd.toISOString(),
  event_count: row.eventCount,
  distinct_items: row.distinctItems,
  status: row.status,
  mode: row.mode,
  verdict: row.verdict,
  evidence: row.evidence,
  topic: row.topic,
  kafka_partition: row.kafkaPartition,
  first_offset: row.firstOffset,
  last_offset: row.lastOffset,
  as_of_offset: row.asOfOffset,
  produced_ts: row.producedTs.toISOString(),
  kafka_ts: row.kafkaTs.toISOString(),
  detected_ts: row.detectedTs.toISOString(),
  db_write_ts: row.dbWriteTs.toISOString(),
})
