import type { Text } from '../text.js'
import type { Client } from './client.js'

/** What becomes of a record. Exactly one of these, for every record. */
export const FATES = ['accepted', 'duplicate', 'late', 'dead'] as const
export type Fate = (typeof FATES)[number]

/** Why a record is a dead letter. A closed list: it is a header, a metric label and a column. */
export const DEAD_LETTER_CODES = ['DECODE', 'INVALID', 'FUTURE_TIMESTAMP', 'TOO_LARGE'] as const
export type DeadLetterCode = (typeof DEAD_LETTER_CODES)[number]

/** What detection reads of an event. Its texts may still lie in the record's bytes. */
export interface ObservedEvent<T extends Text = string> {
  readonly event_id: T
  /** Milliseconds since the epoch. */
  readonly event_ts: number
  readonly ingest_ts: number
  readonly session_id: T
  readonly user_id: T | null
  readonly item_id: T | null
  /** Of clicks. */
  readonly event_type?: string | undefined
  readonly page?: T | undefined
  /** Of purchases, with the following. */
  readonly order_id?: T | undefined
  readonly quantity?: number | undefined
  /** In minor units of the currency. */
  readonly unit_price?: number | undefined
  readonly currency?: T | undefined
  /** Absent for events that name none, such as purchases. No rule looks at it. */
  readonly client?: Client | undefined
  /** Of its record, well-formed; absent for records without. No rule looks at it. */
  readonly traceparent?: string | undefined
}

/** The event with strings of its own, which stay valid when the record's bytes go; without what no rule looks at. */
export const eventOfTexts = (event: ObservedEvent<Text>): ObservedEvent => ({
  event_id: String(event.event_id),
  event_ts: event.event_ts,
  ingest_ts: event.ingest_ts,
  session_id: String(event.session_id),
  user_id: event.user_id === null ? null : String(event.user_id),
  item_id: event.item_id === null ? null : String(event.item_id),
  ...(event.client === undefined ? {} : { client: event.client }),
  ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
})

/** An event before the year 2000 or after 2599 has a broken clock. The number of its pane fits 32 bits. */
export const EARLIEST_EVENT_MS = 946_684_800_000
export const LATEST_EVENT_MS = 19_880_899_199_999

/** Longest id of an event, a session or a user that is taken: longer ones do not fit an index row of PostgreSQL. */
export const MAX_ID_LENGTH = 512

/** Longest item_id that is taken. Items are in no index, and paths of pages are used as items: they may be longer than ids. */
export const MAX_ITEM_ID_LENGTH = 2_048

/**
 * Why an event cannot be taken, or undefined when it can. Names fields, never values.
 * @param appendMs the record's log append time: a replay of the log decides the same
 * @param isUuid whether event_id is known to be a UUID, and needs no further look
 */
export function faultOf(
  event: ObservedEvent<Text>,
  appendMs: number,
  maxFutureSkewMs: number,
  isUuid = false,
): { readonly code: DeadLetterCode; readonly detail: string } | undefined {
  const id = isUuid ? undefined : textFault('event_id', event.event_id)
  const text = id ?? textFault('session_id', event.session_id)
  if (text !== undefined) return { code: 'INVALID', detail: text }
  if (event.user_id !== null && event.user_id.length > 0) {
    const user = textFault('user_id', event.user_id)
    if (user !== undefined) return { code: 'INVALID', detail: user }
  }
  // Items are kept while a window needs them, so that their length bounds memory.
  if (event.item_id !== null && event.item_id.length > MAX_ITEM_ID_LENGTH)
    return { code: 'INVALID', detail: `item_id is longer than ${MAX_ITEM_ID_LENGTH} characters` }
  if (!isPlausible(event.event_ts)) return { code: 'INVALID', detail: 'event_ts is not in the years 2000 to 2599' }
  // The row of an anomaly has it: what PostgreSQL cannot store must not come that far.
  if (!isPlausible(event.ingest_ts)) return { code: 'INVALID', detail: 'ingest_ts is not in the years 2000 to 2599' }
  if (event.event_ts > appendMs + maxFutureSkewMs)
    return { code: 'FUTURE_TIMESTAMP', detail: `event_ts is ${event.event_ts - appendMs} ms after the log append time` }
  return undefined
}

const isPlausible = (ms: number): boolean => ms >= EARLIEST_EVENT_MS && ms <= LATEST_EVENT_MS

function textFault(field: string, text: Text): string | undefined {
  if (text.length === 0) return `${field} is empty`
  if (text.length > MAX_ID_LENGTH) return `${field} is longer than ${MAX_ID_LENGTH} characters`
  if (typeof text === 'string' ? text.includes('\0') : text.hasNul) return `${field} has a NUL character`
  return undefined
}
