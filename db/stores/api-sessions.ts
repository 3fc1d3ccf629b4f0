import type { ChangeBy } from '../../domain/access/change-by.js'
import type { Database, Queryable } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { appendAudit } from './audit.js'

export interface ApiSession {
  /** SHA-256 of the cookie's token. */
  readonly digest: Buffer
  readonly keyId: string
  readonly expiresTs: Date
}

/** Stores a log-in, and removes those that have expired. @throws GRD_STORE_* */
export const createApiSession = (db: Database, session: ApiSession, by: ChangeBy): Promise<void> =>
  withTransaction(db, async (tx) => {
    await tx.query('DELETE FROM api_sessions s WHERE s.expires_ts < now()')
    await tx.query('INSERT INTO api_sessions (digest, key_id, expires_ts) VALUES ($1, $2, $3)', [
      session.digest,
      session.keyId,
      session.expiresTs,
    ])
    const after = { expires_ts: session.expiresTs.toISOString() }
    await appendAudit(tx, {
      ...by,
      action: 'session.create',
      target: `key/${session.keyId}`,
      outcome: 'done',
      before: null,
      after,
    })
  })

/** A log-in that has not expired, by the digest of its token. @throws GRD_STORE_* */
export async function findApiSession(db: Queryable, digest: Buffer): Promise<ApiSession | undefined> {
  const { rows } = await db.query<ApiSession>(
    `SELECT s.digest, s.key_id AS "keyId", s.expires_ts AS "expiresTs" FROM api_sessions s
      WHERE s.digest = $1 AND s.expires_ts > now()`,
    [digest],
    { name: 'api-session-by-digest' },
  )
  return rows[0]
}

/** Ends a log-in; one that is not there has ended. @throws GRD_STORE_* */
export const endApiSession = (db: Database, digest: Buffer, by: ChangeBy): Promise<void> =>
  withTransaction(db, async (tx) => {
    const { rowCount } = await tx.query('DELETE FROM api_sessions s WHERE s.digest = $1', [digest])
    if (rowCount === 0) return
    const ended = { ...by, action: 'session.end', target: `key/${by.actor}`, outcome: 'done' } as const
    await appendAudit(tx, { ...ended, before: null, after: null })
  })
