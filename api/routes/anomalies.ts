import type { AnomalyKey, AnomalyPage, AnomalyPageRequest, AnomalyRow } from '../../db/read-models/anomalies.js'
import { mayDo, type Role } from '../../domain/access/roles.js'
import { anomalyIdOf } from '../../schemas/rest/anomaly-id.js'
import type { Anomaly, AnomalyList } from '../../schemas/rest/anomalies.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { ProblemError } from '../problem-error.js'
import { callerOf, type Handlers } from './router.js'

export interface AnomalyReader {
  readonly list: (request: AnomalyPageRequest) => Promise<AnomalyPage>
  readonly get: (key: AnomalyKey) => Promise<AnomalyRow | undefined>
}

/** `GET /anomalies` and `GET /anomalies/{id}`. */
export const createAnomalyHandlers = (
  anomalies: AnomalyReader,
): Pick<Handlers<Operations>, 'listAnomalies' | 'getAnomaly'> => ({
  async listAnomalies({ query }, context) {
    const { session, rule, limit, cursor, allowlisted, ...same } = query
    const of = { sessionId: session, ruleId: rule, ...(allowlisted && { isAllowlisted: allowlisted === 'true' }) }
    const { rows, hasMore, isUnknownTopic } = await anomalies.list({ ...same, ...of, limit, after: cursor })
    if (isUnknownTopic)
      throw new ProblemError('TOPIC_NOT_FOUND', 'guardian ingest --fresh makes one, --drop removes it')
    const last = rows.at(-1)
    const next = hasMore && last !== undefined ? anomalyIdOf(last) : null
    return {
      body: {
        data: rows.map((row) => anomalyOf(row, callerOf(context).role)),
        page: { next_cursor: next, limit },
      } satisfies AnomalyList,
    }
  },

  async getAnomaly({ params }, context) {
    const row = await anomalies.get(params.id)
    if (row === undefined) throw new ProblemError('ANOMALY_NOT_FOUND', 'no anomaly has this id')
    return { body: anomalyOf(row, callerOf(context).role) }
  },
})

/** A row as a role may see it. */
export const anomalyOf = (row: AnomalyRow, role: Role): Anomaly => ({
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
  allowlist_entry_id: row.allowlistEntryId,
  incomplete: row.incomplete,
  evidence: mayDo(role, 'analyst') ? row.evidence : withoutClient(row.evidence),
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

/** Address and user agent of a person are not for everybody who may look at anomalies. */
function withoutClient(evidence: AnomalyRow['evidence']): AnomalyRow['evidence'] {
  const { crossed } = evidence
  if (typeof crossed !== 'object' || crossed === null) return evidence
  return { ...evidence, crossed: Object.fromEntries(Object.entries(crossed).filter(([name]) => name !== 'client')) }
}
