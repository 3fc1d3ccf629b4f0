import type { DeadLetterCode, ObservedEvent } from '../detection/fate.js'
import type { Text } from '../text.js'
import { exponentOf } from './currencies.js'

/** An event before the year 2000 or after 2599 has a broken clock. The number of its pane fits 32 bits. */
export const EARLIEST_EVENT_MS = 946_684_800_000
export const LATEST_EVENT_MS = 19_880_899_199_999

/** Longest id of an event, a session or a user that is taken: longer ones do not fit an index row of PostgreSQL. */
export const MAX_ID_LENGTH = 512

/** Longest item_id that is taken. Items are in no index, and paths of pages are used as items: they may be longer than ids. */
export const MAX_ITEM_ID_LENGTH = 2_048

/** Most units of an item that one purchase or return may have. */
export const MAX_QUANTITY = 1_000_000

/**
 * Largest price of a unit, and largest amount (price times quantity) of one purchase or return, in minor units of its currency. A
 * sum below 2^53 has room for 9,007 of them; what does not fit a day's sums all the same is quarantined.
 */
export const MAX_AMOUNT = 1_000_000_000_000

/** Why an event is not valid. `detail` begins with the field, and names no values. */
export interface EventFault {
  readonly code: DeadLetterCode
  readonly detail: string
}

/**
 * The one rule of validity: the collector, the detector, the archiver and the KPIs judge an event by it, whichever way it
 * came. A click is judged by what all events have; a purchase, which has an order_id, by its money as well. A purchase of a
 * negative quantity is a return.
 *
 * Why an event cannot be taken, or undefined when it can. Names fields, never values.
 * @param appendMs the record's log append time: a replay of the log decides the same
 * @param isUuid whether event_id is known to be a UUID, and needs no further look
 */
export function faultOf(
  event: ObservedEvent<Text>,
  appendMs: number,
  maxFutureSkewMs: number,
  isUuid = false,
): EventFault | undefined {
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
  if (event.order_id === undefined) return undefined
  const purchase = purchaseFault(event, event.order_id)
  return purchase === undefined ? undefined : { code: 'INVALID', detail: purchase }
}

function purchaseFault(
  { item_id, quantity, unit_price, currency }: ObservedEvent<Text>,
  orderId: Text,
): string | undefined {
  const text =
    textFault('order_id', orderId) ?? (item_id === null ? 'item_id is empty' : emptyFault('item_id', item_id))
  if (text !== undefined) return text
  if (quantity === undefined || !Number.isInteger(quantity)) return 'quantity is not a whole number'
  if (Math.abs(quantity) > MAX_QUANTITY) return `quantity is not in -${MAX_QUANTITY}..${MAX_QUANTITY}`
  if (unit_price === undefined || !Number.isInteger(unit_price))
    return 'unit_price is not a whole number of minor units'
  if (unit_price < 0) return 'unit_price is below 0: a return has a negative quantity'
  if (unit_price > MAX_AMOUNT) return `unit_price is above ${MAX_AMOUNT}`
  if (Math.abs(quantity) * unit_price > MAX_AMOUNT) return `unit_price times quantity is above ${MAX_AMOUNT}`
  if (currency === undefined || exponentOf(String(currency)) === undefined)
    return 'currency is no currency code of ISO 4217'
  return undefined
}

const emptyFault = (field: string, text: Text): string | undefined =>
  text.length === 0 ? `${field} is empty` : undefined

const isPlausible = (ms: number): boolean => ms >= EARLIEST_EVENT_MS && ms <= LATEST_EVENT_MS

function textFault(field: string, text: Text): string | undefined {
  if (text.length === 0) return `${field} is empty`
  if (text.length > MAX_ID_LENGTH) return `${field} is longer than ${MAX_ID_LENGTH} characters`
  if (typeof text === 'string' ? text.includes('\0') : text.hasNul) return `${field} has a NUL character`
  return undefined
}
