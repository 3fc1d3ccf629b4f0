import type { Click, Purchase } from '../../domain/events.js'
import type { Malformation } from './malformation.js'
import type { PlannedSession } from './shop-traffic.js'

/** What must become of a record, as planted. */
export const FATES = ['accepted', 'duplicate', 'late', 'DECODE', 'INVALID', 'FUTURE_TIMESTAMP'] as const
export type Fate = (typeof FATES)[number]

export type PlannedEvent =
  | { readonly kind: 'click'; readonly click: Click }
  | { readonly kind: 'purchase'; readonly purchase: Purchase }
  | { readonly kind: 'malformed'; readonly click: Click; readonly malformation: Malformation; readonly cut: number }

/** A record as it is to reach Kafka. Its `ingest_ts` is 0: whoever sends it writes the time in. */
export interface PlannedRecord {
  /** When it is to be sent, in event time: milliseconds since the epoch. Never goes back from one record to the next. */
  readonly sendAtMs: number
  readonly event: PlannedEvent
  readonly session: PlannedSession
  readonly fate: Fate
  /** It is accepted, but later than events that happened after it. */
  readonly isOutOfOrder: boolean
}
