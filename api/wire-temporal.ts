import {
  Client,
  Connection,
  isGrpcServiceError,
  ScheduleNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client'
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry'
import type { Part } from '../platform/lifecycle.js'
import { CircuitOpenError, type CircuitBreaker } from '../platform/resilience/circuit-breaker.js'
import { withDeadline } from '../platform/resilience/deadline.js'
import { temporalOptions, type TemporalConnection } from '../platform/temporal-connection.js'
import type { Tracing } from '../platform/tracing.js'
import type { ApiConfig } from './api-config.js'
import { temporalIsAway } from './problem-error.js'

/** How long the client waits at most between two attempts to connect; by itself it comes to two minutes, behind a circuit that has long been half open. */
const RECONNECT_MS = 5_000

/**
 * Connects when it is first used. A call that fails is not repeated: the client would do it ten times, for longer than its
 * deadline and beside every budget, and add to the load of a server that is only just back.
 */
export function lazyTemporal(settings: TemporalConnection): Part<Connection> {
  const channelArgs = { 'grpc.max_reconnect_backoff_ms': RECONNECT_MS }
  const connection = Connection.lazy({ ...temporalOptions(settings), interceptors: [], channelArgs })
  return { value: connection, stop: () => connection.close() }
}

/** The client of Temporal that all routes use: a run that a request begins is part of that request's trace. */
export function wireTemporal(
  { TEMPORAL_NAMESPACE: namespace }: Pick<ApiConfig, 'TEMPORAL_NAMESPACE'>,
  connection: Connection,
  tracing: Tracing | undefined,
): Client {
  const workflow = tracing === undefined ? [] : [new OpenTelemetryWorkflowClientInterceptor({ tracer: tracing.tracer })]
  return new Client({ connection, namespace, interceptors: { workflow } })
}

/**
 * Asks Temporal something.
 * @throws CircuitOpenError; ProblemError DEPENDENCY_UNAVAILABLE for whatever else `work` throws, or when it takes too long
 */
export type AskTemporal = <T>(work: () => Promise<T>) => Promise<T>

/** Asks within a deadline. The client's own cancels a call; ours holds whatever the client does with it. */
export const askUntil = <T>(client: Client, untilMs: number, work: () => Promise<T>): Promise<T> =>
  withDeadline(() => client.withDeadline(untilMs, work), Math.max(1, untilMs - Date.now()))

/** Makes, for each request, its way to ask Temporal: through the circuit, and all its questions together within one deadline. */
export const temporalAsker =
  (client: Client, breaker: Pick<CircuitBreaker, 'execute'>, deadlineMs: number) => (): AskTemporal => {
    const untilMs = Date.now() + deadlineMs
    return async (work) => {
      try {
        return await breaker.execute(() => askUntil(client, untilMs, work))
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
