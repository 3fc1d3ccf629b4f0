import type { AuditPageRequest, AuditVerdict } from '../../db/read-models/audit.js'
import type { AuditRecord as AuditRow } from '../../db/stores/audit.js'
import type { AuditRecord } from '../../schemas/rest/audit.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { Handlers } from './router.js'

export interface AuditReader {
  readonly list: (request: AuditPageRequest) => Promise<AuditRow[]>
  readonly verify: () => Promise<AuditVerdict>
}

/** `/audit`. */
export const createAuditHandlers = (audit: AuditReader): Pick<Handlers<Operations>, 'listAudit' | 'verifyAudit'> => ({
  async listAudit({ query: { limit, cursor, request_id: requestId, ...same } }) {
    const rows = await audit.list({ ...same, requestId, limit, before: cursor })
    const data = rows.slice(0, limit).map(recordOf)
    const next = rows.length > limit ? String(data.at(-1)?.seq ?? '') : null
    return { body: { data, page: { next_cursor: next, limit } } }
  },

  verifyAudit: async () => ({ body: await audit.verify() }),
})

const recordOf = (row: AuditRow): AuditRecord => ({
  seq: row.seq,
  recorded_ts: row.recordedTs.toISOString(),
  actor: row.actor,
  actor_name: row.actorName,
  action: row.action,
  target: row.target,
  outcome: row.outcome,
  request_id: row.requestId,
  before: row.before,
  after: row.after,
  previous_hash: row.previousHash.toString('hex'),
  hash: row.hash.toString('hex'),
})
