import type { ChangeBy } from '../../domain/access/change-by.js'
import type { Role } from '../../domain/access/roles.js'
import type { Database, Queryable, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { appendAudit } from './audit.js'

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
}

export interface NewApiKey {
  readonly keyId: string
  readonly name: string
  readonly role: Role
  /** SHA-256 of the key. */
  readonly digest: Buffer
  readonly requestsPerMinute: number | null
  readonly expiresTs: Date | null
}

const COLUMNS = `k.key_id AS "keyId", k.name, k.role, k.requests_per_minute AS "requestsPerMinute",
       k.created_ts AS "createdTs", k.created_by AS "createdBy", k.expires_ts AS "expiresTs",
       k.revoked_ts AS "revokedTs", k.last_used_ts AS "lastUsedTs", k.rotated_from AS "rotatedFrom"`

/** One page of keys in the order of their ids. @param after the last id of the page before */
export async function listApiKeys(db: Queryable, limit: number, after = ''): Promise<ApiKeyRow[]> {
  const text = `SELECT ${COLUMNS} FROM api_keys k WHERE k.key_id > $1 ORDER BY k.key_id LIMIT $2`
  return (await db.query<ApiKeyRow>(text, [after, limit + 1])).rows
}

/** @returns undefined when there is no such key @throws GRD_STORE_* */
export async function getApiKey(db: Queryable, keyId: string): Promise<ApiKeyRow | undefined> {
  return (await db.query<ApiKeyRow>(`SELECT ${COLUMNS} FROM api_keys k WHERE k.key_id = $1`, [keyId])).rows[0]
}

/** The key whose id it is, with its digest, to be compared. @throws GRD_STORE_* */
export async function findKeyToCompare(
  db: Queryable,
  keyId: string,
): Promise<(ApiKeyRow & { readonly digest: Buffer }) | undefined> {
  const text = `SELECT ${COLUMNS}, k.digest FROM api_keys k WHERE k.key_id = $1`
  const { rows } = await db.query<ApiKeyRow & { digest: Buffer }>(text, [keyId], { name: 'api-key-by-id' })
  return rows[0]
}

/** Stores a new key. @throws GRD_STORE_* */
export const createApiKey = (db: Database, key: NewApiKey, by: ChangeBy): Promise<ApiKeyRow> =>
  withTransaction(db, async (tx) => {
    const row = await insertKey(tx, key, by, null)
    await audit(tx, by, 'key.create', null, row)
    return row
  })

/**
 * Stores a key in place of another of the same name, role and rate; the old one goes on until `oldExpiresTs`.
 * @returns undefined when there is no such key, or it was revoked
 */
export const rotateApiKey = (
  db: Database,
  oldKeyId: string,
  fresh: Pick<NewApiKey, 'keyId' | 'digest' | 'expiresTs'>,
  oldExpiresTs: Date,
  by: ChangeBy,
): Promise<ApiKeyRow | undefined> =>
  withTransaction(db, async (tx) => {
    const old = await lockKey(tx, oldKeyId)
    if (old === undefined || old.revokedTs !== null) return undefined
    const { name, role, requestsPerMinute } = old
    const row = await insertKey(tx, { ...fresh, name, role, requestsPerMinute }, by, oldKeyId)
    await tx.query('UPDATE api_keys k SET expires_ts = least(k.expires_ts, $2) WHERE k.key_id = $1', [
      oldKeyId,
      oldExpiresTs,
    ])
    await audit(tx, by, 'key.rotate', old, row)
    return row
  })

/** Revokes a key, and ends its log-ins. Repeating it changes nothing. @returns undefined when there is no such key */
export const revokeApiKey = (db: Database, keyId: string, by: ChangeBy): Promise<ApiKeyRow | undefined> =>
  withTransaction(db, async (tx) => {
    const before = await lockKey(tx, keyId)
    if (before === undefined || before.revokedTs !== null) return before
    await tx.query('UPDATE api_keys k SET revoked_ts = now() WHERE k.key_id = $1', [keyId])
    await tx.query('DELETE FROM api_sessions s WHERE s.key_id = $1', [keyId])
    const after = await getApiKey(tx, keyId)
    await audit(tx, by, 'key.revoke', before, after)
    return after
  })

/**
 * Has the first admin's key there. One that was revoked stays so; one that the environment no longer names is revoked.
 * Repeating it changes nothing. @throws GRD_STORE_*
 */
export const ensureFirstKey = (db: Database, key: Pick<NewApiKey, 'keyId' | 'digest'>): Promise<void> =>
  withTransaction(db, async (tx) => {
    if ((await getApiKey(tx, key.keyId)) !== undefined) return
    await tx.query('SELECT pg_advisory_xact_lock(hashtext($1))', ['first-admin-key'])
    if ((await getApiKey(tx, key.keyId)) !== undefined) return
    const by: ChangeBy = { actor: 'system', actorName: 'first start', requestId: 'first-admin-key' }
    const { rows } = await tx.query<ApiKeyRow>(
      `UPDATE api_keys k SET revoked_ts = now() WHERE k.created_by = 'system' AND k.revoked_ts IS NULL RETURNING ${COLUMNS}`,
    )
    for (const revoked of rows) await audit(tx, by, 'key.revoke', { ...revoked, revokedTs: null }, revoked)
    const fresh = { ...key, name: 'first admin', role: 'admin', requestsPerMinute: null, expiresTs: null } as const
    await audit(tx, by, 'key.create', null, await insertKey(tx, fresh, by, null))
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
    `INSERT INTO api_keys AS k (key_id, name, role, digest, requests_per_minute, created_by, expires_ts, rotated_from)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${COLUMNS}`,
    [key.keyId, key.name, key.role, key.digest, key.requestsPerMinute, by.actor, key.expiresTs, rotatedFrom],
  )
  const [row] = rows
  if (row === undefined) throw new Error('INSERT returned no row')
  return row
}

const lockKey = async (tx: Transaction, keyId: string): Promise<ApiKeyRow | undefined> =>
  (await tx.query<ApiKeyRow>(`SELECT ${COLUMNS} FROM api_keys k WHERE k.key_id = $1 FOR UPDATE`, [keyId])).rows[0]

const audit = (tx: Transaction, by: ChangeBy, action: string, before: ApiKeyRow | null, after: ApiKeyRow | undefined) =>
  appendAudit(tx, {
    ...by,
    action,
    target: `key/${after?.keyId ?? ''}`,
    outcome: 'done',
    before: before === null ? null : shown(before),
    after: after === undefined ? null : shown(after),
  })

/** What the audit log says of a key. */
const shown = ({ keyId, name, role, requestsPerMinute, expiresTs, revokedTs }: ApiKeyRow) => ({
  key_id: keyId,
  name,
  role,
  requests_per_minute: requestsPerMinute,
  expires_ts: expiresTs?.toISOString() ?? null,
  revoked_ts: revokedTs?.toISOString() ?? null,
})
