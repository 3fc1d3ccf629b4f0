import { GuardianError } from '../domain/errors.js'
import type { CircuitBreaker } from '../platform/resilience/circuit-breaker.js'
import type { Connection, Database } from './pool.js'

/** Whether PostgreSQL did not answer, or too late. A statement that it refuses is an answer. */
export const isDatabaseAway = (error: unknown): boolean =>
  error instanceof GuardianError && (error.code === 'GRD_STORE_UNAVAILABLE' || error.code === 'GRD_STORE_TIMEOUT')

/** A database that is not asked while its circuit is open. What goes on within a transaction is counted, not refused. */
export function guardDatabase(db: Database, breaker: CircuitBreaker): Database {
  return {
    query: (text, params, options) => breaker.execute(() => db.query(text, params, options)),
    select: (build) => breaker.execute(() => db.select(build)),
    checkOut: async () => guardConnection(await breaker.execute(() => db.checkOut()), breaker),
    load: () => db.load(),
  }
}

const guardConnection = (connection: Connection, breaker: CircuitBreaker): Connection => ({
  query: (text, params, options) => breaker.observe(() => connection.query(text, params, options)),
  select: (build) => breaker.observe(() => connection.select(build)),
  release: (broken) => connection.release(broken),
})
