import { GuardianError } from '../domain/errors.js'
import type { RetryBudget } from '../platform/resilience/retry-budget.js'
import type { Queryable } from './pool.js'

/** A connection that broke: the next one may be well. What took too long is not asked for again. */
const isLostConnection = (error: unknown): boolean =>
  error instanceof GuardianError && error.code === 'GRD_STORE_UNAVAILABLE'

/** Statements that are repeated when their connection breaks, within a budget. Only for those that change nothing. */
export const retryReads = (db: Queryable, budget: RetryBudget): Queryable => ({
  query: (text, params, options) => budget.execute(() => db.query(text, params, options), isLostConnection),
  select: (build) => budget.execute(() => db.select(build), isLostConnection),
})
