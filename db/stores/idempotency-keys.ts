import type { Queryable, Transaction } from '../pool.js'

/** An answer as it is given again. */
export interface StoredAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

export interface ClaimRequest {
  readonly keyId: string
  readonly idempotencyKey: string
  readonly digest: Buffer
}

export type StoredClaim =
  | { readonly kind: 'claimed' }
  | { readonly kind: 'answered'; readonly answer: StoredAnswer | null }
  | { readonly kind: 'in_flight' }
  | { readonly kind: 'mismatch' }
  /** The process that had it ended after its change, or in the middle of asking for it elsewhere. */
  | { readonly kind: 'lost' }

interface ClaimRow {
  readonly digest: Buffer
  readonly isAnswered: boolean
  readonly answer: StoredAnswer | null
  readonly isLost: boolean
}

export interface ClaimTimes {
  /** How long a key is remembered. */
  readonly keptSeconds: number
  /** After so long without an answer the process that had it is gone. Longer than any request may take. */
  readonly inFlightSeconds: number
}

/**
 * Takes an Idempotency-Key for one request, for all processes. Keys that are too old are forgotten first; one whose request
 * has had no answer for too long is taken over by the same request, unless that has made its change.
 * @throws GRD_STORE_*
 */
export async function claimIdempotencyKey(
  db: Queryable,
  request: ClaimRequest,
  { keptSeconds, inFlightSeconds }: ClaimTimes,
): Promise<StoredClaim> {
  await db.query(`DELETE FROM idempotency_keys i WHERE i.created_ts < now() - make_interval(secs => $1)`, [keptSeconds])
  const { rowCount } = await db.query(
    `INSERT INTO idempotency_keys AS stored (key_id, idempotency_key, digest) VALUES ($1, $2, $3)
     ON CONFLICT (key_id, idempotency_key) DO UPDATE SET created_ts = now()
      WHERE stored.answered_ts IS NULL AND stored.changed_ts IS NULL AND stored.digest = excluded.digest
        AND stored.created_ts < now() - make_interval(secs => $4)`,
    [request.keyId, request.idempotencyKey, request.digest, inFlightSeconds],
  )
  if (rowCount === 1) return { kind: 'claimed' }
  const { rows } = await db.query<ClaimRow>(
    `SELECT i.digest, i.answered_ts IS NOT NULL AS "isAnswered", i.answer,
            i.changed_ts IS NOT NULL AND i.created_ts < now() - make_interval(secs => $3) AS "isLost"
       FROM idempotency_keys i WHERE i.key_id = $1 AND i.idempotency_key = $2`,
    [request.keyId, request.idempotencyKey, inFlightSeconds],
  )
  const [row] = rows
  if (row === undefined) return { kind: 'in_flight' } // released just now: the caller asks again
  if (!row.digest.equals(request.digest)) return { kind: 'mismatch' }
  if (row.isAnswered) return { kind: 'answered', answer: row.answer }
  return { kind: row.isLost ? 'lost' : 'in_flight' }
}

/**
 * Notes, in the transaction of a change, that the request under this key has made it: whatever becomes of its process, it
 * is not made again.
 * @throws GRD_STORE_*
 */
export async function noteChange(tx: Transaction, keyId: string, idempotencyKey: string): Promise<void> {
  await tx.query('UPDATE idempotency_keys i SET changed_ts = now() WHERE i.key_id = $1 AND i.idempotency_key = $2', [
    keyId,
    idempotencyKey,
  ])
}

/** Stores the answer that repetitions get. @param answer null when it is not to be stored @throws GRD_STORE_* */
export async function completeIdempotencyKey(
  db: Queryable,
  request: ClaimRequest,
  answer: StoredAnswer | null,
): Promise<void> {
  await db.query(
    `UPDATE idempotency_keys i SET answered_ts = now(), answer = $3 WHERE i.key_id = $1 AND i.idempotency_key = $2`,
    [request.keyId, request.idempotencyKey, answer === null ? null : JSON.stringify(answer)],
  )
}

/** Gives a key back after a request that has changed nothing. @throws GRD_STORE_* */
export async function releaseIdempotencyKey(db: Queryable, request: ClaimRequest): Promise<void> {
  await db.query(
    'DELETE FROM idempotency_keys i WHERE i.key_id = $1 AND i.idempotency_key = $2 AND i.answered_ts IS NULL',
    [request.keyId, request.idempotencyKey],
  )
}
