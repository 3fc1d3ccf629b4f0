import {
  isGrpcServiceError,
  ScheduleNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client'
import { CircuitOpenError, type CircuitBreaker } from '../platform/resilience/circuit-breaker.js'
import { withDeadline } from '../platform/resilience/deadline.js'
import { temporalIsAway } from './problem-error.js'

/**
 * Asks Temporal something.
 * @throws CircuitOpenError; ProblemError DEPENDENCY_UNAVAILABLE for whatever else `work` throws, or when it takes too long
 */
export type AskTemporal = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Makes, for each request, its way to ask Temporal: through the circuit, and all its questions together within one deadline.
 * The client's own deadline cancels a call; ours holds whatever the client does with it.
 */
export const temporalAsker =
  (client: Client, breaker: Pick<CircuitBreaker, 'execute'>, deadlineMs: number) => (): AskTemporal => {
    const untilMs = Date.now() + deadlineMs
    return async (work) => {
      const leftMs = Math.max(1, untilMs - Date.now())
      try {
        return await breaker.execute(() => withDeadline(() => client.withDeadline(untilMs, work), leftMs))
      } catch (cause) {
        if (cause instanceof CircuitOpenError) throw cause
        throw temporalIsAway(cause)
      }
    }
  }

/** Statuses of gRPC with which a server that is well refuses: invalid, not found, there already, not allowed, not now, out of range. */
const REFUSALS: readonly number[] = [3, 5, 6, 7, 9, 11, 16]

/** Whether Temporal did not answer, or too late. What it refuses is an answer. */
export function isTemporalAway(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return !REFUSALS.includes(at.code)
    if (at instanceof WorkflowNotFoundError || at instanceof ScheduleNotFoundError) return false
    if (at instanceof WorkflowExecutionAlreadyStartedError) return false
  }
  return true
}
