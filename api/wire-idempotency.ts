import type { Database } from '../db/pool.js'
import { claimIdempotencyKey, completeIdempotencyKey, releaseIdempotencyKey } from '../db/stores/idempotency-keys.js'
import type { IdempotencyStore } from './idempotency.js'

/** Idempotency-Keys in PostgreSQL, for all processes. @param keptSeconds how long an answer is given again */
export const wireIdempotency = (db: Database, keptSeconds: number): IdempotencyStore => ({
  claim: (request) => claimIdempotencyKey(db, request, keptSeconds),
  complete: (request, answer) => completeIdempotencyKey(db, request, answer),
  release: (request) => releaseIdempotencyKey(db, request),
})
