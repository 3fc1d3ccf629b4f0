import type { ChangeBy } from '../../domain/access/change-by.js'
import type { Role } from '../../domain/access/roles.js'
import { endsAdmin, type UserChange, type UserKind, type UserRefusal } from '../../domain/access/users.js'
import type { Database, Queryable, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { isAdminLeft, lockAccess } from './admin-access.js'
import { auditRow, type AuditedRow } from './audit.js'

export interface UserRow {
  readonly userId: string
  readonly kind: UserKind
  readonly name: string
  readonly email: string | null
  readonly role: Role
  readonly createdTs: Date
  /** The id of a key, or `system`. */
  readonly createdBy: string
  /** Null: enabled. */
  readonly disabledTs: Date | null
}

export type NewUser = Pick<UserRow, 'userId' | 'kind' | 'name' | 'email' | 'role'>

export interface UserPage {
  readonly role?: Role | undefined
  readonly isEnabled?: boolean | undefined
  readonly limit: number
  /** The id of the last user of the page before. */
  readonly after?: string | undefined
}

/** The user, or why there is none. */
export type UserResult = { readonly user: UserRow } | { readonly refused: UserRefusal }

/** Looks at a user before they are changed, in the transaction of the change. @throws to refuse */
export type CheckUser = (current: UserRow) => void

const COLUMNS = `u.user_id AS "userId", u.kind, u.name, u.email, u.role, u.created_ts AS "createdTs",
       u.created_by AS "createdBy", u.disabled_ts AS "disabledTs"`

/** Users, the oldest first; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listUsers(db: Queryable, { role, isEnabled, limit, after }: UserPage): Promise<UserRow[]> {
  const { rows } = await db.query<UserRow>(
    `SELECT ${COLUMNS} FROM api_users u
      WHERE ($1::text IS NULL OR u.role = $1) AND ($2::boolean IS NULL OR (u.disabled_ts IS NULL) = $2)
        AND ($3::text IS NULL OR (u.created_ts, u.user_id) >
             (SELECT l.created_ts, l.user_id FROM api_users l WHERE l.user_id = $3))
      ORDER BY u.created_ts, u.user_id LIMIT $4`,
    [role ?? null, isEnabled ?? null, after ?? null, limit + 1],
  )
  return rows
}

/** @returns undefined when there is no such user @throws GRD_STORE_* */
export async function getUser(db: Queryable, userId: string): Promise<UserRow | undefined> {
  return (await db.query<UserRow>(`SELECT ${COLUMNS} FROM api_users u WHERE u.user_id = $1`, [userId])).rows[0]
}

/** A user who stays as they are until the transaction ends. @returns undefined when there is no such user */
export const holdUser = async (tx: Transaction, userId: string): Promise<UserRow | undefined> =>
  (await tx.query<UserRow>(`SELECT ${COLUMNS} FROM api_users u WHERE u.user_id = $1 FOR SHARE`, [userId])).rows[0]

/** Stores a new user, with the audit record. @param maxUsers enabled or not @throws GRD_STORE_* */
export const createUser = (db: Database, user: NewUser, maxUsers: number, by: ChangeBy): Promise<UserResult> =>
  withTransaction(db, async (tx) => {
    await lockAccess(tx)
    const { rows } = await tx.query<{ users: number }>('SELECT count(*) AS users FROM api_users')
    if ((rows[0]?.users ?? 0) >= maxUsers) return { refused: 'too_many' }
    if (await isTaken(tx, user.email, user.userId)) return { refused: 'email_taken' }
    return { user: await insertUser(tx, user, by) }
  })

/**
 * Changes a user, with the audit record. A change that changes nothing leaves no record. Who is disabled is logged out;
 * their keys are refused as long as they are.
 * @returns undefined when there is no such user
 * @throws GRD_STORE_*; what `check` throws
 */
export const changeUser = (
  db: Database,
  userId: string,
  change: UserChange,
  check: CheckUser,
  by: ChangeBy,
): Promise<UserResult | undefined> =>
  withTransaction(db, async (tx) => {
    await lockAccess(tx)
    const before = await getUser(tx, userId)
    if (before === undefined) return undefined
    check(before)
    const was = { ...before, isEnabled: before.disabledTs === null }
    const { name = was.name, email = was.email, role = was.role, isEnabled = was.isEnabled } = change
    if (endsAdmin(was, { role, isEnabled }) && !(await isAdminLeft(tx, { userId }))) return { refused: 'last_admin' }
    if (email !== was.email && (await isTaken(tx, email, userId))) return { refused: 'email_taken' }
    if (name === was.name && email === was.email && role === was.role && isEnabled === was.isEnabled)
      return { user: before }
    return { user: await updateUser(tx, before, { name, email, role, isEnabled }, by) }
  })

/** Of the first admin, whose keys the environment names. */
const FIRST_ADMIN: NewUser = {
  userId: 'user_0000000000000000',
  kind: 'person',
  name: 'first admin',
  email: null,
  role: 'admin',
}

/**
 * Has the first admin there, enabled and an admin: a new key in the environment is the way back in when nobody else is
 * left.
 * @returns the id of the user
 */
export async function ensureFirstAdmin(tx: Transaction, by: ChangeBy): Promise<string> {
  await lockAccess(tx)
  const found = await getUser(tx, FIRST_ADMIN.userId)
  if (found === undefined) await insertUser(tx, FIRST_ADMIN, by)
  else if (found.role !== 'admin' || found.disabledTs !== null)
    await updateUser(tx, found, { name: found.name, email: found.email, role: 'admin', isEnabled: true }, by)
  return FIRST_ADMIN.userId
}

async function isTaken(tx: Transaction, email: string | null, userId: string): Promise<boolean> {
  if (email === null) return false
  const text = 'SELECT FROM api_users u WHERE lower(u.email) = lower($1) AND u.user_id <> $2'
  return (await tx.query(text, [email, userId])).rowCount !== 0
}

async function insertUser(tx: Transaction, user: NewUser, by: ChangeBy): Promise<UserRow> {
  const { rows } = await tx.query<UserRow>(
    `INSERT INTO api_users AS u (user_id, kind, name, email, role, created_by) VALUES ($1, $2, $3, $4, $5, $6)
     RETURNING ${COLUMNS}`,
    [user.userId, user.kind, user.name, user.email, user.role, by.actor],
  )
  return auditRow(tx, by, USER, 'user.create', null, rows[0])
}

async function updateUser(tx: Transaction, before: UserRow, to: Required<UserChange>, by: ChangeBy): Promise<UserRow> {
  const { rows } = await tx.query<UserRow>(
    `UPDATE api_users AS u SET name = $2, email = $3, role = $4,
            disabled_ts = CASE WHEN $5 THEN NULL ELSE coalesce(u.disabled_ts, now()) END
      WHERE u.user_id = $1 RETURNING ${COLUMNS}`,
    [before.userId, to.name, to.email, to.role, to.isEnabled],
  )
  if (to.isEnabled !== true)
    await tx.query('DELETE FROM api_sessions s USING api_keys k WHERE k.key_id = s.key_id AND k.user_id = $1', [
      before.userId,
    ])
  return auditRow(tx, by, USER, 'user.change', before, rows[0])
}

const USER: AuditedRow<UserRow> = {
  target: ({ userId }) => `user/${userId}`,
  shown: ({ userId, kind, name, email, role, disabledTs }) => ({
    user_id: userId,
    kind,
    name,
    email,
    role,
    disabled_ts: disabledTs?.toISOString() ?? null,
  }),
}
