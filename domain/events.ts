/** What a click can be, in the order of the funnel. */
export const CLICK_TYPES = ['page_view', 'item_view', 'add_to_cart', 'remove_from_cart', 'checkout'] as const
export type ClickType = (typeof CLICK_TYPES)[number]

interface EventBase {
  readonly event_id: string
  /** When it happened, by the client's clock: milliseconds since the epoch, UTC. */
  readonly event_ts: number
  /** When the producer took it in: milliseconds since the epoch, UTC. */
  readonly ingest_ts: number
  /** Names the producer. */
  readonly source: string
  /** The Kafka key: all events of a session are on one partition. */
  readonly session_id: string
  readonly user_id: string | null
}

/** A record of `km.clicks.v1`. */
export interface Click extends EventBase {
  readonly event_type: ClickType
  readonly item_id: string | null
  readonly page: string
  readonly ip: string | null
  readonly user_agent: string | null
  readonly referrer: string | null
}

/** A record of `km.purchases.v1`. */
export interface Purchase extends EventBase {
  readonly order_id: string
  readonly item_id: string
  readonly quantity: number
  /** In minor units of the currency. */
  readonly unit_price: number
  /** ISO 4217. */
  readonly currency: string
}

export const TOPICS = {
  clicks: 'km.clicks.v1',
  purchases: 'km.purchases.v1',
  anomalies: 'km.anomalies.v1',
  late: 'km.events.late.v1',
  deadLetters: 'km.events.dlq.v1',
} as const
