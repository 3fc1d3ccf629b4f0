import type { QuarantinedRow, QuarantinePage } from '../../db/read-models/quarantine.js'
import type { DecisionOutcome } from '../../db/stores/quarantine.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import {
  describeReason,
  quarantineIdOf,
  type QuarantineDecision,
  type QuarantineKey,
} from '../../domain/kpi/quarantine.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { QuarantinedRecord, QuarantineList } from '../../schemas/rest/quarantine.js'
import { ProblemError } from '../problem-error.js'
import { pageOf } from './page.js'
import { changeBy, type Handlers } from './router.js'

export interface QuarantineStore {
  readonly list: (page: QuarantinePage) => Promise<QuarantinedRow[]>
  readonly decide: (
    key: QuarantineKey,
    decision: QuarantineDecision,
    comment: string | null,
    by: ChangeBy,
  ) => Promise<DecisionOutcome>
}

/** `/quarantine`. */
export const createQuarantineHandlers = (
  quarantine: QuarantineStore,
): Pick<Handlers<Operations>, 'listQuarantine' | 'decideQuarantinedRecord'> => ({
  async listQuarantine({ query: { limit, cursor: after, ...filter } }) {
    const rows = await quarantine.list({ ...filter, limit, after })
    return { body: pageOf(rows, limit, quarantinedRecord, ({ id }) => id) satisfies QuarantineList }
  },

  async decideQuarantinedRecord({ params, body: { decision, comment = null } }, context) {
    const outcome = await quarantine.decide(params.id, decision, comment, changeBy(context))
    if (outcome.kind === 'not_found') throw new ProblemError('RECORD_NOT_FOUND', 'no record in quarantine has this id')
    if (outcome.kind === 'refused') throw new ProblemError('RECORD_DOES_NOT_FIT', outcome.reason)
    return { body: quarantinedRecord(outcome.row) }
  },
})

/** A record in the words of the API. */
export function quarantinedRecord(row: QuarantinedRow): QuarantinedRecord {
  const { dataset, partition, offset, eventTs, eventId, sessionId, reason, field } = row
  return {
    id: quarantineIdOf({ dataset, partition, offset, eventMs: eventTs.getTime() }),
    day: row.day,
    kind: dataset === 'clicks' ? 'click' : 'purchase',
    topic: row.topic,
    kafka_partition: partition,
    kafka_offset: offset,
    event_id: eventId,
    event_ts: eventTs.toISOString(),
    session_id: sessionId,
    source: row.source,
    reason,
    reason_text: describeReason({ reason, field }),
    fields: row.fields,
    amount: row.amount,
    found_ts: row.foundTs.toISOString(),
    state: row.state,
    decided_ts: row.decidedTs?.toISOString() ?? null,
    decided_by: row.decidedBy,
    decided_by_name: row.decidedByName,
    comment: row.comment,
  }
}
