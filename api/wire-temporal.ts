import { Client, Connection } from '@temporalio/client'
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry'
import type { Part } from '../platform/lifecycle.js'
import type { Tracing } from '../platform/tracing.js'
import type { ApiConfig } from './api-config.js'

/** How long the client waits at most between two attempts to connect; by itself it comes to two minutes, behind a circuit that has long been half open. */
const RECONNECT_MS = 5_000

/**
 * Connects when it is first used. A call that fails is not repeated: the client would do it ten times, for longer than its
 * deadline and beside every budget, and add to the load of a server that is only just back.
 */
export function lazyTemporal({ TEMPORAL_ADDRESS: address }: Pick<ApiConfig, 'TEMPORAL_ADDRESS'>): Part<Connection> {
  const channelArgs = { 'grpc.max_reconnect_backoff_ms': RECONNECT_MS }
  const connection = Connection.lazy({ address, interceptors: [], channelArgs })
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
