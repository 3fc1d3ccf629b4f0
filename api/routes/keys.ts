import type { ApiKeyRow, CheckOwner, KeyPage, KeyResult, NewApiKey } from '../../db/stores/api-keys.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { mayDo, type Role } from '../../domain/access/roles.js'
import type { Key } from '../../schemas/rest/keys.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { createKey, digestOf, keyIdOf } from '../access/api-key.js'
import { ProblemError } from '../problem-error.js'
import { pageOf } from './page.js'
import { callerOf, changeBy, type Handlers } from './router.js'

export interface KeyStore {
  readonly list: (page: KeyPage) => Promise<ApiKeyRow[]>
  readonly get: (keyId: string) => Promise<ApiKeyRow | undefined>
  readonly create: (key: NewApiKey, check: CheckOwner, by: ChangeBy) => Promise<ApiKeyRow>
  readonly rotate: (
    keyId: string,
    fresh: Pick<NewApiKey, 'keyId' | 'digest' | 'expiresTs'>,
    oldExpiresTs: Date,
    by: ChangeBy,
  ) => Promise<KeyResult | undefined>
  readonly revoke: (keyId: string, by: ChangeBy) => Promise<KeyResult | undefined>
}

export interface KeyDeps {
  readonly keys: KeyStore
  /** Makes this process forget a key that was changed. */
  readonly forgetKey: (keyId: string) => void
  readonly nowMs: () => number
}

type KeyOperation = 'listKeys' | 'getKey' | 'createKey' | 'rotateKey' | 'revokeKey'

/** `/keys`. A key is in the answer that creates it, and nowhere else. */
export const createKeyHandlers = ({ keys, forgetKey, nowMs }: KeyDeps): Pick<Handlers<Operations>, KeyOperation> => ({
  async listKeys({ query: { user_id: userId, limit, cursor } }) {
    const rows = await keys.list({ userId, limit, after: cursor })
    return { body: pageOf(rows, limit, keyOf, ({ key_id }) => key_id) }
  },

  async getKey({ params }) {
    return { body: keyOf(found(await keys.get(params.key_id))) }
  },

  async createKey({ body }, context) {
    const expiresTs = future(body.expires_ts, nowMs())
    const key = createKey()
    const digest = digestOf(key)
    const { name, role, requests_per_minute: requestsPerMinute = null } = body
    const userId = body.user_id ?? callerOf(context).user?.userId ?? null
    const fresh = { keyId: keyIdOf(digest), name, role, digest, requestsPerMinute, expiresTs, userId }
    return created(await keys.create(fresh, ownerOf(role), changeBy(context)), key)
  },

  async rotateKey({ params, body }, context) {
    const expiresTs = future(body.expires_ts, nowMs())
    const key = createKey()
    const digest = digestOf(key)
    const oldExpiresTs = new Date(nowMs() + body.overlap_seconds * 1_000)
    const fresh = { keyId: keyIdOf(digest), digest, expiresTs }
    const result = await keys.rotate(params.key_id, fresh, oldExpiresTs, changeBy(context))
    forgetKey(params.key_id)
    return created(changed(result), key)
  },

  async revokeKey({ params }, context) {
    const result = await keys.revoke(params.key_id, changeBy(context))
    forgetKey(params.key_id)
    return { body: keyOf(changed(result)) }
  },
})

/** Refuses a key that would do nothing, or less than it says. */
const ownerOf =
  (role: Role): CheckOwner =>
  (user) => {
    if (user === undefined) throw new ProblemError('USER_NOT_FOUND', 'see /users for those there are')
    if (user.disabledTs !== null) throw new ProblemError('WRONG_STATE', 'this user is disabled')
    if (!mayDo(user.role, role))
      throw new ProblemError('WRONG_STATE', `a key of the role ${role} is more than this user may: ${user.role}`)
  }

function future(expiresTs: Date | undefined, nowMs: number): Date | null {
  if (expiresTs === undefined) return null
  if (expiresTs.getTime() > nowMs) return expiresTs
  const errors = [{ path: 'body.expires_ts', message: 'is in the past' }]
  throw new ProblemError('BAD_REQUEST', '1 fault: body.expires_ts', { errors })
}

function found(row: ApiKeyRow | undefined): ApiKeyRow {
  if (row === undefined) throw new ProblemError('KEY_NOT_FOUND', 'no key that is in force has this id')
  return row
}

const LAST_ADMIN =
  'no other admin key lasts as long: create one without expires_ts first; another GUARDIAN_ADMIN_KEY in the environment is the way back in'

function changed(result: KeyResult | undefined): ApiKeyRow {
  if (result !== undefined && 'refused' in result) throw new ProblemError('LAST_ADMIN', LAST_ADMIN)
  return found(result?.key)
}

const created = (row: ApiKeyRow, key: string) => ({
  status: 201,
  headers: { location: `/keys/${row.keyId}` },
  body: { ...keyOf(row), key },
})

const keyOf = (row: ApiKeyRow): Key => ({
  key_id: row.keyId,
  user_id: row.userId,
  name: row.name,
  role: row.role,
  requests_per_minute: row.requestsPerMinute,
  created_ts: row.createdTs.toISOString(),
  created_by: row.createdBy,
  expires_ts: row.expiresTs?.toISOString() ?? null,
  revoked_ts: row.revokedTs?.toISOString() ?? null,
  last_used_ts: row.lastUsedTs?.toISOString() ?? null,
  rotated_from: row.rotatedFrom,
})
