import type { Transaction } from '../pool.js'

/** One change at a time of who may do what: two admins must not take it from each other at once. */
export const lockAccess = (tx: Transaction) => tx.query(`SELECT pg_advisory_xact_lock(hashtext('api users'))`)

/** What is to be taken away: a key, or what all keys of a user may. */
type Taken = { readonly keyId: string } | { readonly userId: string }

/**
 * Whether admins are let in for as long as they are now when something is taken away: whether another key of an admin ends
 * as late as the last of all does. An admin without a key lets nobody in, and a key that ends sooner would leave nobody then.
 * To be asked after `lockAccess`.
 */
export async function isAdminLeft(tx: Transaction, taken: Taken): Promise<boolean> {
  const { rows } = await tx.query<{ isLeft: boolean }>(
    `WITH admin_keys AS (
       SELECT k.key_id, k.user_id, coalesce(k.expires_ts, 'infinity') AS ends_ts
         FROM api_keys k LEFT JOIN api_users u ON u.user_id = k.user_id
        WHERE k.role = 'admin' AND k.revoked_ts IS NULL AND (k.expires_ts IS NULL OR k.expires_ts > now())
          AND (k.user_id IS NULL OR (u.role = 'admin' AND u.disabled_ts IS NULL)))
     SELECT coalesce(max(a.ends_ts) FILTER (WHERE coalesce(a.key_id <> $1, true) AND coalesce(a.user_id <> $2, true))
                     = max(a.ends_ts), count(*) = 0) AS "isLeft"
       FROM admin_keys a`,
    ['keyId' in taken ? taken.keyId : null, 'userId' in taken ? taken.userId : null],
  )
  return rows[0]?.isLeft === true
}
