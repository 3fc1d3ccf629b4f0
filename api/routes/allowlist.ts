import { randomUUID } from 'node:crypto'
import type { AllowlistPage, AllowlistRow } from '../../db/stores/allowlist.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { checkAllowlistEntry } from '../../domain/review/allowlist.js'
import type { AllowlistEntry } from '../../schemas/rest/allowlist.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { ProblemError, refuseBadInput } from '../problem-error.js'
import { pageOf } from './page.js'
import { changeBy, type Handlers } from './router.js'

export interface AllowlistStore {
  readonly list: (page: AllowlistPage) => Promise<AllowlistRow[]>
  readonly get: (entryId: string) => Promise<AllowlistRow | undefined>
  /** @returns undefined when the list is full */
  readonly add: (
    entry: Omit<AllowlistRow, 'createdBy' | 'createdTs'>,
    by: ChangeBy,
  ) => Promise<AllowlistRow | undefined>
  readonly end: (entryId: string, now: Date, by: ChangeBy) => Promise<AllowlistRow | undefined>
}

export interface AllowlistDeps {
  readonly allowlist: AllowlistStore
  /** How far from now an entry may end. */
  readonly allowlistMaxMs: number
  readonly nowMs: () => number
}

type AllowlistOperation = 'listAllowlist' | 'getAllowlistEntry' | 'addAllowlistEntry' | 'endAllowlistEntry'

/** `/allowlist`. */
export const createAllowlistHandlers = (deps: AllowlistDeps): Pick<Handlers<Operations>, AllowlistOperation> => ({
  async listAllowlist({ query: { limit, cursor, ended, kind } }) {
    const endsAfter = ended === 'true' ? undefined : new Date(deps.nowMs())
    const rows = await deps.allowlist.list({ endsAfter, kind, limit, after: cursor })
    return { body: pageOf(rows, limit, entryOf, ({ id }) => id) }
  },

  async getAllowlistEntry({ params }) {
    return { body: entryOf(found(await deps.allowlist.get(params.id))) }
  },

  async addAllowlistEntry({ body }, context) {
    const nowMs = deps.nowMs()
    const { kind, value, reason, starts_ts: startsTs = new Date(nowMs), expires_ts: endsTs } = body
    const times = { startsMs: startsTs.getTime(), endsMs: endsTs.getTime() }
    refuseBadInput(() => checkAllowlistEntry({ kind, value, ...times }, nowMs, deps.allowlistMaxMs))
    const entry = { entryId: randomUUID(), kind, value, reason, startsTs, endsTs }
    const row = await deps.allowlist.add(entry, changeBy(context))
    if (row === undefined) throw new ProblemError('ALLOWLIST_FULL', 'end entries that are not needed any more')
    return { status: 201, headers: { location: `/allowlist/${row.entryId}` }, body: entryOf(row) }
  },

  async endAllowlistEntry({ params }, context) {
    const row = await deps.allowlist.end(params.id, new Date(deps.nowMs()), changeBy(context))
    return { body: entryOf(found(row)) }
  },
})

function found(row: AllowlistRow | undefined): AllowlistRow {
  if (row === undefined) throw new ProblemError('ENTRY_NOT_FOUND', 'no entry of the allowlist has this id')
  return row
}

const entryOf = (row: AllowlistRow): AllowlistEntry => ({
  id: row.entryId,
  kind: row.kind,
  value: row.value,
  reason: row.reason,
  created_by: row.createdBy,
  created_ts: row.createdTs.toISOString(),
  starts_ts: row.startsTs.toISOString(),
  expires_ts: row.endsTs.toISOString(),
})
