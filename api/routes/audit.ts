import type { AuditPageRequest, AuditSpan, AuditSpanRequest, AuditVerdict } from '../../db/read-models/audit.js'
import type { AuditRecord as AuditRow } from '../../db/stores/audit.js'
import { auditRecordOf } from '../../schemas/rest/audit-export.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { sendAuditExport } from '../send-audit-export.js'
import { pageOf } from './page.js'
import type { Handlers } from './router.js'

export interface AuditReader {
  readonly list: (request: AuditPageRequest) => Promise<AuditRow[]>
  readonly verify: () => Promise<AuditVerdict>
  readonly span: (request: AuditSpanRequest) => Promise<AuditSpan>
  readonly read: (span: AuditSpan) => AsyncIterator<AuditRow[]>
}

export interface AuditDeps {
  readonly audit: AuditReader
  /** How long the receiver of an export may take nothing. */
  readonly auditStallMs: number
}

/** `/audit`. */
export const createAuditHandlers = ({
  audit,
  auditStallMs,
}: AuditDeps): Pick<Handlers<Operations>, 'listAudit' | 'exportAudit' | 'verifyAudit'> => ({
  async listAudit({ query: { limit, cursor, request_id: requestId, ...same } }) {
    const rows = await audit.list({ ...same, requestId, limit, before: cursor })
    return { body: pageOf(rows, limit, auditRecordOf, ({ seq }) => String(seq)) }
  },

  async exportAudit({ query: { limit, cursor, from, to } }, { stillMay }) {
    const { after, last } = await audit.span({ after: cursor, from, to })
    const end = Math.min(last, after + limit)
    const pages = audit.read({ after, last: end })
    const first = await pages.next() // what cannot be read is a problem, as long as no head was sent
    const settings = { after, isAll: end === last, stallMs: auditStallMs, stillMay }
    return { body: undefined, stream: (out) => void sendAuditExport(out, first, pages, settings) }
  },

  verifyAudit: async () => ({ body: await audit.verify() }),
})
