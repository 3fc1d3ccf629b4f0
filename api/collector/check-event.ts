import { parseAddress } from '../../domain/client/address.js'
import { faultOf } from '../../domain/events/event-fault.js'
import { TOPICS, type Click, type Purchase } from '../../domain/events.js'
import { NewEvent, type RejectionCode } from '../../schemas/rest/events.js'
import type { Fault } from '../../schemas/rest/problem.js'
import { faultsOf } from '../faults.js'

/** An event as it goes to Kafka, and the topic that it goes to. */
export type CollectedEvent =
  | { readonly topic: typeof TOPICS.clicks; readonly event: Click }
  | { readonly topic: typeof TOPICS.purchases; readonly event: Purchase }

/** Why an event is not sent. */
export interface Rejection {
  readonly code: RejectionCode
  readonly detail: string
  readonly errors: readonly Fault[]
}

export type Checked =
  | { readonly fit: CollectedEvent; readonly rejection?: undefined }
  | { readonly fit?: undefined; readonly rejection: Rejection }

export interface CheckContext {
  /** The collector's clock, which stands for the log append time. */
  readonly nowMs: number
  readonly maxFutureSkewMs: number
  /** Of the caller, for clicks that do not say; null where callers are not to be noted. */
  readonly client: { readonly ip: string | null; readonly userAgent: string | null }
  readonly createId: () => string
}

/**
 * A retry is recognised while the watermark has not passed the event's time. If the collector set that time, each attempt
 * would have another one, and a retry after the allowed lateness would count again.
 */
const TIME_REQUIRED: Rejection = {
  code: 'EVENT_TS_REQUIRED',
  detail:
    'event_ts is required when event_id is set: send the time at which the event happened, the same in every retry',
  errors: [{ path: 'event_ts', message: 'required when event_id is set; the same in every retry' }],
}

/** A caller's own header is cut to it and not refused. */
const MAX_USER_AGENT_LENGTH = 1_024

/** Judges one event as the detector would, and fills in what the collector knows better. Total. */
export function checkEvent(given: unknown, { nowMs, maxFutureSkewMs, client, createId }: CheckContext): Checked {
  const parsed = NewEvent.safeParse(given)
  if (!parsed.success) {
    const errors = faultsOf('', parsed.error.issues)
    const detail = errors.map(({ path, message }) => `${path === '' ? 'it' : path}: ${message}`).join('; ')
    return { rejection: { code: 'INVALID', detail: detail.slice(0, 500), errors } }
  }
  if (parsed.data.event_id !== undefined && parsed.data.event_ts === undefined) return { rejection: TIME_REQUIRED }
  const { event_id = createId(), event_ts = nowMs, ...sent } = parsed.data
  const fit = collected({ ...sent, event_id, event_ts, ingest_ts: nowMs }, client)
  const fault = faultOf(fit.event, nowMs, maxFutureSkewMs)
  return fault === undefined ? { fit } : { rejection: { ...fault, errors: [faultOfField(fault.detail)] } }
}

type Dated = NewEvent & { readonly event_id: string; readonly event_ts: number; readonly ingest_ts: number }

/** `type` is no field of the topics' schemas, and the encoder takes only what they name. */
function collected(sent: Dated, { ip, userAgent }: CheckContext['client']): CollectedEvent {
  if (sent.type === 'purchase') return { topic: TOPICS.purchases, event: sent }
  const given = sent.ip === null ? null : (parseAddress(sent.ip) ?? sent.ip)
  const agent = sent.user_agent ?? userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null
  return { topic: TOPICS.clicks, event: { ...sent, ip: given ?? ip, user_agent: agent } }
}

/** The domain's sentences begin with the field. */
function faultOfField(detail: string): Fault {
  const [path = '', ...rest] = detail.split(' ')
  return { path, message: rest.join(' ') }
}
