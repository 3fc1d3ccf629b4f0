import { Client, type Connection } from '@temporalio/client'
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry'
import type { Tracing } from '../platform/tracing.js'
import type { ApiConfig } from './api-config.js'

/** The client of Temporal that all routes use: a run that a request begins is part of that request's trace. */
export function wireTemporal(
  { TEMPORAL_NAMESPACE: namespace }: Pick<ApiConfig, 'TEMPORAL_NAMESPACE'>,
  connection: Connection,
  tracing: Tracing | undefined,
): Client {
  const workflow = tracing === undefined ? [] : [new OpenTelemetryWorkflowClientInterceptor({ tracer: tracing.tracer })]
  return new Client({ connection, namespace, interceptors: { workflow } })
}
