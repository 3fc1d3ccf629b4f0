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
  /** Its producer; absent where the writer's schema has none. No rule looks at it. */
  readonly source?: string | undefined
  /** Absent for events that name none, such as purchases. No rule looks at it. */
  readonly client?: Client | undefined
  /** Of its record, well-formed; absent for records without. No rule looks at it. */
  readonly traceparent?: string | undefined
}

const purchaseOfTexts = ({ order_id, quantity, unit_price, currency }: ObservedEvent<Text>) => ({
  ...{ order_id: String(order_id), quantity, unit_price },
  currency: currency === undefined ? undefined : String(currency),
})

/** The event with strings of its own, which stay valid when the record's bytes go. */
export const eventOfTexts = (event: ObservedEvent<Text>): ObservedEvent => ({
  event_id: String(event.event_id),
  event_ts: event.event_ts,
  ingest_ts: event.ingest_ts,
  session_id: String(event.session_id),
  user_id: event.user_id === null ? null : String(event.user_id),
  item_id: event.item_id === null ? null : String(event.item_id),
  ...(event.event_type === undefined ? {} : { event_type: event.event_type }),
  ...(event.page === undefined ? {} : { page: String(event.page) }),
  ...(event.order_id === undefined ? {} : purchaseOfTexts(event)),
  ...(event.client === undefined ? {} : { client: event.client }),
  ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
})
