import { BEGIN_HASH, finishHash, hashNumber, hashText } from '../dedup/stable-hash.js'
import { CLICK_TYPES, type ClickType } from '../events.js'
import type { Text } from '../text.js'
import type { ObservedEvent } from './fate.js'

/**
 * A hash of 32 bits over what an event says happened: its time, user and item, and the type and page of a click, or the order,
 * quantity, price and currency of a purchase. What describes the delivery is left out, because it may differ between two
 * attempts at the same event: ingest_ts, source, ip, user_agent, referrer. Two different contents have the same hash once in
 * 2^32: such a collision is not counted, and the second event is a duplicate all the same.
 */
export function contentsOf(event: ObservedEvent<Text>): number {
  const common = hashText(hashText(hashNumber(BEGIN_HASH, event.event_ts), event.user_id), event.item_id)
  if (event.order_id === undefined) {
    const type = CLICK_TYPES.indexOf(event.event_type as ClickType)
    return finishHash(hashText(hashNumber(common, type), event.page))
  }
  const order = hashNumber(hashText(common, event.order_id), event.quantity ?? 0)
  return finishHash(hashText(hashNumber(order, event.unit_price ?? 0), event.currency))
}
