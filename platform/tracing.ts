import { context, propagation, trace, type Tracer } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { Resource } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { Part } from './lifecycle.js'

/** Where spans go. */
export interface Tracing {
  readonly tracer: Tracer
  readonly spanProcessor: SpanProcessor
  readonly resource: Resource
}

/** Spans that wait for the collector at most; further ones are dropped. */
const MAX_QUEUED_SPANS = 4_096
const EXPORT_TIMEOUT_MS = 5_000
const EXPORT_EVERY_MS = 2_000

/**
 * Sends spans to an OpenTelemetry collector over HTTP, in the background: one that is away costs spans and nothing else.
 * @param endpoint of the collector, such as `http://localhost:4318`; without it nothing is traced
 * @param service the name that spans have
 */
export function openTracing(endpoint: string | undefined, service: string): Promise<Part<Tracing | undefined>> {
  if (endpoint === undefined) return Promise.resolve({ value: undefined, stop: () => Promise.resolve() })
  const resource = new Resource({ 'service.name': service })
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS }), {
    maxQueueSize: MAX_QUEUED_SPANS,
    scheduledDelayMillis: EXPORT_EVERY_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  })
  const provider = new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] })
  // Also the way in which a span finds its parent, in this process and in the headers of calls.
  provider.register({ contextManager: new AsyncLocalStorageContextManager().enable() })
  const stop = async () => {
    for (const api of [trace, context, propagation]) api.disable()
    await provider.shutdown().catch(() => undefined) // what a collector that is away does not take is lost
  }
  return Promise.resolve({ value: { tracer: provider.getTracer('guardian'), spanProcessor, resource }, stop })
}
