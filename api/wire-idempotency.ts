import type { Database } from '../db/pool.js'
import { claimIdempotencyKey, completeIdempotencyKey, releaseIdempotencyKey } from '../db/stores/idempotency-keys.js'
import type { ApiConfig } from './api-config.js'
import type { IdempotencyStore } from './idempotency.js'

/** Idempotency-Keys in PostgreSQL, for all processes. */
export const wireIdempotency = (db: Database, config: ApiConfig): IdempotencyStore => ({
  claim: (request) =>
    claimIdempotencyKey(db, request, {
      keptSeconds: config.API_IDEMPOTENCY_KEPT_SECONDS,
      inFlightSeconds: config.API_IDEMPOTENCY_IN_FLIGHT_SECONDS,
    }),
  complete: (request, answer) => completeIdempotencyKey(db, request, answer),
  release: (request) => releaseIdempotencyKey(db, request),
})
