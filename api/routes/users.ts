import { randomBytes } from 'node:crypto'
import type { CheckUser, NewUser, UserPage, UserResult, UserRow } from '../../db/stores/users.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import type { UserChange, UserRefusal } from '../../domain/access/users.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { ProblemCode } from '../../schemas/rest/problem.js'
import type { User } from '../../schemas/rest/users.js'
import { ProblemError } from '../problem-error.js'
import { pageOf } from './page.js'
import { changeBy, requireMatch, type Handlers } from './router.js'
import { tagOf } from './send-reply.js'

export interface UserStore {
  readonly list: (page: UserPage) => Promise<UserRow[]>
  readonly get: (userId: string) => Promise<UserRow | undefined>
  readonly create: (user: NewUser, by: ChangeBy) => Promise<UserResult>
  readonly change: (
    userId: string,
    change: UserChange,
    check: CheckUser,
    by: ChangeBy,
  ) => Promise<UserResult | undefined>
}

export interface UserDeps {
  readonly users: UserStore
  /** Makes this process forget all keys of a user who was changed. */
  readonly forgetUser: (userId: string) => void
}

type UserOperation = 'listUsers' | 'getUser' | 'createUser' | 'changeUser'

/** `/users`. */
export const createUserHandlers = ({ users, forgetUser }: UserDeps): Pick<Handlers<Operations>, UserOperation> => ({
  async listUsers({ query: { role, enabled, limit, cursor } }) {
    const isEnabled = enabled === undefined ? undefined : enabled === 'true'
    const rows = await users.list({ role, isEnabled, limit, after: cursor })
    return { body: pageOf(rows, limit, userOf, ({ user_id }) => user_id) }
  },

  async getUser({ params }) {
    return { body: userOf(found(await users.get(params.user_id))) }
  },

  async createUser({ body: { kind, name, email = null, role } }, context) {
    const user = { userId: `user_${randomBytes(8).toString('hex')}`, kind, name, email, role }
    const document = userOf(taken(await users.create(user, changeBy(context))))
    const headers = { location: `/users/${document.user_id}`, etag: tagOf({ body: document }) }
    return { status: 201, headers, body: document }
  },

  async changeUser({ params, body: { enabled: isEnabled, ...same } }, context) {
    const check: CheckUser = (current) => requireMatch(context, tagOf({ body: userOf(current) }))
    const result = await users.change(params.user_id, { ...same, isEnabled }, check, changeBy(context))
    forgetUser(params.user_id)
    const document = userOf(taken(result))
    return { headers: { etag: tagOf({ body: document }) }, body: document }
  },
})

const REFUSALS: Readonly<Record<UserRefusal, readonly [ProblemCode, string]>> = {
  last_admin: [
    'LAST_ADMIN',
    'give another enabled user the role admin and a key of that role that lasts as long first',
  ],
  email_taken: ['EMAIL_TAKEN', 'change that user, or leave the address out'],
  too_many: ['TOO_MANY_USERS', 'change one that is not needed any more, or raise API_USERS_MAX'],
}

function taken(result: UserResult | undefined): UserRow {
  if (result === undefined || 'user' in result) return found(result?.user)
  throw new ProblemError(...REFUSALS[result.refused])
}

function found(row: UserRow | undefined): UserRow {
  if (row === undefined) throw new ProblemError('USER_NOT_FOUND', 'see /users for those there are')
  return row
}

const userOf = (row: UserRow): User => ({
  user_id: row.userId,
  kind: row.kind,
  name: row.name,
  email: row.email,
  role: row.role,
  enabled: row.disabledTs === null,
  disabled_ts: row.disabledTs?.toISOString() ?? null,
  created_ts: row.createdTs.toISOString(),
  created_by: row.createdBy,
})
