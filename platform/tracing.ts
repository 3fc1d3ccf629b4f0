import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { Part } from './lifecycle.js'
import { redact } from './redact.js'

/** Where spans go. */
export interface Tracing {
  readonly tracer: Tracer
  readonly spanProcessor: SpanProcessor
  readonly resource: Resource
}

/** What a span says besides its name. Never an id of a person: collectors keep spans in the clear. */
export type SpanFacts = Readonly<Record<string, string | number>>

/** The trace that something belongs to, as headers: `traceparent`, and `tracestate` where the caller gave one. */
export type TraceHeaders = Readonly<Record<string, string>>

/** A request that is being served. */
export interface ServedRequest {
  /** Ends its span, once. */
  end(name: string, facts: SpanFacts, isFailed: boolean): void
}

/** Something that is over, and was caused by what `headers` name. */
export interface PastSpan {
  readonly name: string
  readonly headers: TraceHeaders
  readonly fromMs: number
  readonly toMs: number
  readonly facts: SpanFacts
}

/** Spans that wait for the collector at most; further ones are dropped. */
const MAX_QUEUED_SPANS = 4_096
const EXPORT_TIMEOUT_MS = 5_000
const EXPORT_EVERY_MS = 2_000

/**
 * Sends spans to an OpenTelemetry collector over HTTP, in the background: one that is away costs spans and nothing else.
 * A caller that does not want to be traced (the flag in its `traceparent`) is not.
 * @param endpoint of the collector, such as `http://localhost:4318`; without it nothing is traced
 * @param service the name that spans have
 */
export async function openTracing(endpoint: string | undefined, service: string): Promise<Part<Tracing | undefined>> {
  if (endpoint === undefined) return { value: undefined, stop: () => Promise.resolve() }
  // A quarter of all modules of a process, which hardly any process needs.
  const [{ AsyncLocalStorageContextManager }, { W3CTraceContextPropagator }, { OTLPTraceExporter }, resources, sdk] =
    await Promise.all([
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/core'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-base'),
    ])
  const resource = new resources.Resource({ 'service.name': service })
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`
  const batches = new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS }), {
    maxQueueSize: MAX_QUEUED_SPANS,
    scheduledDelayMillis: EXPORT_EVERY_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  })
  const spanProcessor = censoring(batches)
  const provider = new sdk.BasicTracerProvider({ resource, spanProcessors: [spanProcessor] })
  provider.register({
    // Also the way in which a span finds its parent, in this process and in the headers of calls.
    contextManager: new AsyncLocalStorageContextManager().enable(),
    // Without baggage, which is whatever a caller likes to send along.
    propagator: new W3CTraceContextPropagator(),
  })
  const stop = async () => {
    for (const api of [trace, context, propagation]) api.disable()
    await provider.shutdown().catch(() => undefined) // what a collector that is away does not take is lost
  }
  return { value: { tracer: provider.getTracer('guardian'), spanProcessor, resource }, stop }
}

/** Hands spans on without credentials: libraries put what was thrown into their status and events. */
const censoring = (to: SpanProcessor): SpanProcessor => ({
  onStart: (span, parent) => to.onStart(span, parent),
  onEnd: (span) => {
    censor(span)
    to.onEnd(span)
  },
  forceFlush: () => to.forceFlush(),
  shutdown: () => to.shutdown(),
})

function censor({ status, attributes, events }: ReadableSpan): void {
  if (status.message !== undefined) status.message = redact(status.message)
  for (const values of [attributes, ...events.map((event) => event.attributes ?? {})])
    for (const [name, value] of Object.entries(values)) if (typeof value === 'string') values[name] = redact(value)
}

/**
 * Does work as part of the caller's trace, or of a new one when the caller names none that is well-formed.
 * @param headers of the request
 */
export function traceRequest(
  { tracer }: Tracing,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  work: (request: ServedRequest) => void,
): void {
  const caller = propagation.extract(ROOT_CONTEXT, headers)
  const span = tracer.startSpan('request', { kind: SpanKind.SERVER }, caller)
  const end = (name: string, facts: SpanFacts, isFailed: boolean) => {
    span.updateName(name).setAttributes(facts)
    if (isFailed) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
  }
  context.with(trace.setSpan(caller, span), () => work({ end }))
}

/** The trace of what is being done, for whom it is handed on to; undefined while nothing is traced. */
export function traceHeaders(): TraceHeaders | undefined {
  const headers: Record<string, string> = {}
  propagation.inject(context.active(), headers)
  const { traceparent, tracestate } = headers
  if (traceparent === undefined) return undefined
  // One that was too long has been dropped, and would be handed on as an empty one.
  return tracestate ? { traceparent, tracestate } : { traceparent }
}

/** Tells of something that is over, in the trace of what caused it. */
export function tracePast({ tracer }: Tracing, { name, headers, fromMs, toMs, facts }: PastSpan): void {
  const cause = propagation.extract(ROOT_CONTEXT, headers)
  const options = { kind: SpanKind.CONSUMER, startTime: fromMs, attributes: facts }
  tracer.startSpan(name, options, cause).end(Math.max(fromMs, toMs))
}
