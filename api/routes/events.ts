import { randomUUID } from 'node:crypto'
import { clientAddress, type ClientFrom } from '../../domain/client/client-from.js'
import { TOPICS } from '../../domain/events.js'
import { Counter, type Registry } from '../../platform/metrics.js'
import { OverloadError } from '../../platform/resilience/admission.js'
import type { TraceHeaders } from '../../platform/tracing.js'
import type { EventResult, EventResults } from '../../schemas/rest/events.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { Fault } from '../../schemas/rest/problem.js'
import { checkEvent, type CheckContext, type Rejection } from '../collector/check-event.js'
import type { EventRecord, EventSink } from '../collector/event-sink.js'
import { ProblemError } from '../problem-error.js'
import type { HandlerContext, Handlers } from './router.js'

export interface CollectorDeps {
  readonly sink: Pick<EventSink, 'encoder' | 'send'>
  readonly registry: Registry
  readonly nowMs: () => number
  readonly maxFutureSkewMs: number
  /** Older events are taken and reported as late. */
  readonly allowedLatenessMs: number
  /** Whether clicks that do not say get the address and the user agent of the caller. */
  readonly notesClient: boolean
  /** Where that address is found. */
  readonly clientFrom: ClientFrom
  /** The trace of the request, which its records hand on; undefined when it is not traced. */
  readonly traceHeaders: () => TraceHeaders | undefined
  /** A larger record would be a dead letter. */
  readonly maxRecordBytes: number
}

const MAX_FAULTS = 20
const NOBODY: CheckContext['client'] = { ip: null, userAgent: null }

interface Taken {
  readonly record: EventRecord
  readonly eventId: string
  readonly isLate: boolean
}

/** `POST /events`: judges each event on its own, and answers when Kafka has those that are fit. */
export function createCollectorHandlers(deps: CollectorDeps): Pick<Handlers<Operations>, 'collectEvents'> {
  const { sink, registry } = deps
  const counted = new Counter({
    name: 'guardian_collector_events_total',
    help: 'Events received, by what became of them: accepted, or the code that they were rejected with',
    labelNames: ['type', 'outcome'],
    registers: [registry],
  })
  const count = (judged: readonly (Taken | Rejection)[]) => {
    for (const one of judged)
      if ('code' in one) counted.inc({ type: 'unknown', outcome: one.code })
      else counted.inc({ type: one.record.topic === TOPICS.clicks ? 'click' : 'purchase', outcome: 'accepted' })
  }
  return {
    async collectEvents({ body }, context) {
      const judged = await judge(Array.isArray(body) ? body : [body], context, deps)
      const records = judged.flatMap((one) => ('code' in one ? [] : [one.record]))
      if (records.length > 0) await send(sink, records)
      count(judged)
      if (records.length === 0) throw allRejected(judged as readonly Rejection[], Array.isArray(body))
      const results = judged.map(resultOf)
      const rejected = results.length - records.length
      const answer: EventResults = { accepted: records.length, rejected, results }
      return { status: rejected === 0 ? 200 : 207, body: answer }
    },
  }
}

/** `first` is the address that the API knows the caller by, behind the proxies that it trusts. */
function callerAddress({ address, peer, header }: HandlerContext, from: ClientFrom): string | null {
  const claims = { peer: from.kind === 'peer' ? address : peer, forwarded: header('x-forwarded-for'), field: header }
  return clientAddress(from, claims) ?? null
}

async function judge(events: readonly unknown[], context: HandlerContext, deps: CollectorDeps) {
  const { sink, maxFutureSkewMs, allowedLatenessMs, notesClient, clientFrom, maxRecordBytes, traceHeaders } = deps
  const client = notesClient ? { ip: callerAddress(context, clientFrom), userAgent: context.userAgent ?? null } : NOBODY
  const nowMs = deps.nowMs()
  const how = { nowMs, maxFutureSkewMs, client, createId: randomUUID }
  const checked = events.map((event) => checkEvent(event, how))
  if (checked.every(({ fit }) => fit === undefined)) return checked.flatMap(({ rejection }) => rejection ?? [])
  const encode = await sink.encoder()
  const headers = traceHeaders()
  return checked.map(({ fit, rejection }): Taken | Rejection => {
    if (fit === undefined) return rejection
    const record = encode(fit, headers)
    if ((record.value?.length ?? 0) <= maxRecordBytes)
      return { record, eventId: fit.event.event_id, isLate: fit.event.event_ts < nowMs - allowedLatenessMs }
    const detail = `it takes more than ${maxRecordBytes} bytes`
    return { code: 'TOO_LARGE', detail, errors: [{ path: '', message: detail }] }
  })
}

async function send(sink: CollectorDeps['sink'], records: readonly EventRecord[]): Promise<void> {
  try {
    await sink.send(records)
  } catch (error) {
    if (!(error instanceof OverloadError)) throw error
    throw new ProblemError('OVERLOADED', 'too many events wait for Kafka', { retryAfterSeconds: 1 })
  }
}

const resultOf = (one: Taken | Rejection, index: number): EventResult =>
  'code' in one
    ? { index, status: 'rejected', code: one.code, detail: one.detail, errors: [...one.errors] }
    : { index, status: 'accepted', event_id: one.eventId, ...(one.isLate ? { late: true } : {}) }

/** A request of which nothing can be taken is wrong as a whole. */
function allRejected(rejections: readonly Rejection[], isBatch: boolean): ProblemError {
  const errors: Fault[] = rejections
    .flatMap((rejection, index) =>
      rejection.errors.map(({ path, message }) => ({
        path: ['body', ...(isBatch ? [String(index)] : []), ...(path === '' ? [] : [path])].join('.'),
        message,
      })),
    )
    .slice(0, MAX_FAULTS)
  const detail = `${rejections.length} of ${rejections.length} events: ${rejections[0]?.detail ?? ''}`
  const code = rejections.every((one) => one.code === 'EVENT_TS_REQUIRED') ? 'EVENT_TS_REQUIRED' : 'EVENTS_REJECTED'
  return new ProblemError(code, detail.slice(0, 500), { errors })
}
