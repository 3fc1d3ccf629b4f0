import type { ChangeBy } from '../../domain/access/change-by.js'
import type { Role } from '../../domain/access/roles.js'
import type { Database, Queryable, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { isAdminLeft, lockAccess } from './admin-access.js'
import { auditRow, type AuditedRow } from './audit.js'
import { ensureFirstAdmin, holdUser, type UserRow } from './users.js'

/** An API key as it is stored: without the key. */
export interface ApiKeyRow {
  readonly keyId: string
  readonly name: string
  readonly role: Role
  /** Null: the configured rate. */
  readonly requestsPerMinute: number | null
  readonly createdTs: Date
  readonly createdBy: string
  readonly expiresTs: Date | null
  readonly revokedTs: Date | null
  /** Written now and then, not at every use. */
  readonly lastUsedTs: Date | null
  readonly rotatedFrom: string | null
  /** Whose it is; null for one that a release without users has made. */
  readonly userId: string | null
}

/** A key with its digest, and what its user may. */
export interface KeyToCompare extends ApiKeyRow {
  readonly digest: Buffer
  /** Null for a key without a user. */
  readonly userName: string | null
  readonly userRole: Role | null
  readonly userDisabledTs: Date | null
}

/** The key, or why it stays as it is: it is the last that lets admins in. */
export type KeyResult = { readonly key: ApiKeyRow } | { readonly refused: 'last_admin' }

/** Looks at the user whose the key is to be, in the transaction that makes it. @throws to refuse */
export type CheckOwner = (user: UserRow | undefined) => void

export interface NewApiKey {
  readonly keyId: string
  readonly name: string
  readonly role: Role
  /** SHA-256 of the key. */
  readonly digest: Buffer
  readonly requestsPerMinute: number | null
  readonly expiresTs: Date | null
  readonly userId: string | null
}

const COLUMNS = `k.key_id AS "keyId", k.name, k.role, k.requests_per_minute AS "requestsPerMinute",
       k.created_ts AS "createdTs", k.created_by AS "createdBy", k.expires_ts AS "expiresTs",
       k.revoked_ts AS "revokedTs", k.last_used_ts AS "lastUsedTs", k.rotated_from AS "rotatedFrom",
       k.user_id AS "userId"`

export interface KeyPage {
  /** Of this user only. */
  readonly userId?: string | undefined
  readonly limit: number
  /** The last id of the page before. */
  readonly after?: string | undefined
}

/** Keys in the order of their ids; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listApiKeys(db: Queryable, { userId, limit, after }: KeyPage): Promise<ApiKeyRow[]> {
  const text = `SELECT ${COLUMNS} FROM api_keys k
    WHERE k.key_id > $1 AND ($2::text IS NULL OR k.user_id = $2) ORDER BY k.key_id LIMIT $3`
  return (await db.query<ApiKeyRow>(text, [after ?? '', userId ?? null, limit + 1])).rows
}

/** @returns undefined when there is no such key @throws GRD_STORE_* */
export async function getApiKey(db: Queryable, keyId: string): Promise<ApiKeyRow | undefined> {
  return (await db.query<ApiKeyRow>(`SELECT ${COLUMNS} FROM api_keys k WHERE k.key_id = $1`, [keyId])).rows[0]
}

/** The key whose id it is, with its digest, to be compared. @throws GRD_STORE_* */
export async function findKeyToCompare(db: Queryable, keyId: string): Promise<KeyToCompare | undefined> {
  const text = `SELECT ${COLUMNS}, k.digest, u.name AS "userName", u.role AS "userRole", u.disabled_ts AS "userDisabledTs"
                  FROM api_keys k LEFT JOIN api_users u ON u.user_id = k.user_id WHERE k.key_id = $1`
  return (await db.query<KeyToCompare>(text, [keyId], { name: 'api-key-by-id' })).rows[0]
}

/** Stores a new key, of a user who may have it. @throws GRD_STORE_*; what `check` throws */
export const createApiKey = (db: Database, key: NewApiKey, check: CheckOwner, by: ChangeBy): Promise<ApiKeyRow> =>
  withTransaction(db, async (tx) => {
    if (key.userId !== null) check(await holdUser(tx, key.userId))
    return auditRow(tx, by, KEY, 'key.create', null, await insertKey(tx, key, by, null))
  })

/**
 * Stores a key in place of another of the same user, name, role and rate; the old one goes on until `oldExpiresTs`. The last
 * that lets admins in is not rotated into one that ends sooner.
 * @returns undefined when there is no such key, or it was revoked
 * @throws GRD_STORE_*
 */
export const rotateApiKey = (
  db: Database,
  oldKeyId: string,
  fresh: Pick<NewApiKey, 'keyId' | 'digest' | 'expiresTs'>,
  oldExpiresTs: Date,
  by: ChangeBy,
): Promise<KeyResult | undefined> =>
  withTransaction(db, async (tx) => {
    await lockAccess(tx)
    const old = await lockKey(tx, oldKeyId)
    if (old === undefined || old.revokedTs !== null) return undefined
    if (endsSooner(fresh, old) && !(await isAdminLeft(tx, { keyId: oldKeyId }))) return { refused: 'last_admin' }
    const { name, role, requestsPerMinute, userId } = old
    const row = await insertKey(tx, { ...fresh, name, role, requestsPerMinute, userId }, by, oldKeyId)
    await tx.query('UPDATE api_keys k SET expires_ts = least(k.expires_ts, $2) WHERE k.key_id = $1', [
      oldKeyId,
      oldExpiresTs,
    ])
    return { key: await auditRow(tx, by, KEY, 'key.rotate', old, row) }
  })

const endsSooner = (fresh: Pick<ApiKeyRow, 'expiresTs'>, old: Pick<ApiKeyRow, 'expiresTs'>): boolean =>
  fresh.expiresTs !== null && (old.expiresTs === null || fresh.expiresTs < old.expiresTs)

/**
 * Revokes a key, and ends its log-ins; not the last that lets admins in. Repeating it changes nothing.
 * @returns undefined when there is no such key
 * @throws GRD_STORE_*
 */
export const revokeApiKey = (db: Database, keyId: string, by: ChangeBy): Promise<KeyResult | undefined> =>
  withTransaction(db, async (tx) => {
    await lockAccess(tx)
    const before = await lockKey(tx, keyId)
    if (before === undefined) return undefined
    if (before.revokedTs !== null) return { key: before }
    if (!(await isAdminLeft(tx, { keyId }))) return { refused: 'last_admin' }
    const { rows } = await tx.query<ApiKeyRow>(
      `UPDATE api_keys k SET revoked_ts = now() WHERE k.key_id = $1 RETURNING ${COLUMNS}`,
      [keyId],
    )
    await tx.query('DELETE FROM api_sessions s WHERE s.key_id = $1', [keyId])
    return { key: await auditRow(tx, by, KEY, 'key.revoke', before, rows[0]) }
  })

/**
 * Has the first admin's key there. One that was revoked stays so; one that the environment no longer names is revoked.
 * Repeating it changes nothing. @throws GRD_STORE_*
 */
export const ensureFirstKey = (db: Database, key: Pick<NewApiKey, 'keyId' | 'digest'>): Promise<void> =>
  withTransaction(db, async (tx) => {
    if ((await getApiKey(tx, key.keyId)) !== undefined) return
    await lockAccess(tx)
    if ((await getApiKey(tx, key.keyId)) !== undefined) return
    const by: ChangeBy = { actor: 'system', actorName: 'first start', requestId: 'first-admin-key' }
    const { rows } = await tx.query<ApiKeyRow>(
      `UPDATE api_keys k SET revoked_ts = now() WHERE k.created_by = 'system' AND k.revoked_ts IS NULL RETURNING ${COLUMNS}`,
    )
    for (const revoked of rows) await auditRow(tx, by, KEY, 'key.revoke', { ...revoked, revokedTs: null }, revoked)
    const userId = await ensureFirstAdmin(tx, by)
    const fresh = {
      ...key,
      name: 'first admin',
      role: 'admin',
      requestsPerMinute: null,
      expiresTs: null,
      userId,
    } as const
    await auditRow(tx, by, KEY, 'key.create', null, await insertKey(tx, fresh, by, null))
  })

/** Writes down when keys were last used; only ever later. @throws GRD_STORE_* */
export async function recordKeyUses(db: Queryable, uses: ReadonlyMap<string, Date>): Promise<void> {
  if (uses.size === 0) return
  await db.query(
    `UPDATE api_keys k SET last_used_ts = greatest(k.last_used_ts, u.used)
       FROM unnest($1::text[], $2::timestamptz[]) AS u (key_id, used) WHERE k.key_id = u.key_id`,
    [[...uses.keys()], [...uses.values()]],
  )
}

async function insertKey(tx: Transaction, key: NewApiKey, by: ChangeBy, rotatedFrom: string | null) {
  const { rows } = await tx.query<ApiKeyRow>(
    `INSERT INTO api_keys AS k (key_id, name, role, digest, requests_per_minute, created_by, expires_ts, rotated_from,
                              user_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${COLUMNS}`,
    [
      key.keyId,
      key.name,
      key.role,
      key.digest,
      key.requestsPerMinute,
      by.actor,
      key.expiresTs,
      rotatedFrom,
      key.userId,
    ],
  )
  return rows[0]
}

const lockKey = async (tx: Transaction, keyId: string): Promise<ApiKeyRow | undefined> =>
  (await tx.query<ApiKeyRow>(`SELECT ${COLUMNS} FROM api_keys k WHERE k.key_id = $1 FOR UPDATE`, [keyId])).rows[0]

const KEY: AuditedRow<ApiKeyRow> = {
  target: ({ keyId }) => `key/${keyId}`,
  shown: ({ keyId, userId, name, role, requestsPerMinute, expiresTs, revokedTs }) => ({
    key_id: keyId,
    user_id: userId,
    name,
    role,
    requests_per_minute: requestsPerMinute,
    expires_ts: expiresTs?.toISOString() ?? null,
    revoked_ts: revokedTs?.toISOString() ?? null,
  }),
}
