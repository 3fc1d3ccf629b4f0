import { TimeOrderedQueue } from '../time-ordered-queue.js'
import { MALFORMATIONS, MALFORMATION_KINDS } from './malformation.js'
import type { Fate, PlannedEvent, PlannedRecord } from './planned-record.js'
import { SeededRandom } from './seeded-random.js'
import { ShopTraffic, type Happening, type TrafficPlan } from './shop-traffic.js'

/**
 * How an event's way to Kafka goes wrong. With the 30 s of allowed lateness, the longest delay of an event that is
 * still in time, plus the wait of its duplicate, plus the fastest clock of a past day (4 s) stay below it; and a late
 * one is at least a minute behind the watermark of a partition that has traffic.
 */
const OUT_OF_ORDER = { share: 0.05, minMs: 200, maxMs: 18_000 }
const LATE = { share: 0.003, minMs: 95_000, maxMs: 240_000 }
const DUPLICATE = { share: 0.01, maxMs: 7_000 }
const MALFORMED_SHARE = 0.0015
/** Beyond this, a clock is more than wrong: five minutes and the longest delay. */
const FUTURE_MS = 600_000
const SOURCE = 'shop-simulator'

/**
 * The shop's records in the order in which they reach Kafka: with duplicates, disorder, late and malformed ones, each
 * with the fate that was planted for it. A pure function of the plan; memory holds what is under way.
 */
export class DisturbedTraffic {
  readonly #traffic: ShopTraffic
  readonly #lots: SeededRandom
  readonly #ids: SeededRandom
  readonly #underWay = new TimeOrderedQueue<PlannedRecord>()
  #ahead: Happening
  #malformedCount = 0

  constructor(plan: TrafficPlan) {
    this.#traffic = new ShopTraffic(plan)
    this.#lots = new SeededRandom(plan.seed, plan.startMs, 1)
    this.#ids = new SeededRandom(plan.seed, plan.startMs, 2)
    this.#ahead = this.#traffic.next()
  }

  /** When the next record is to be sent. */
  get nextSendAtMs(): number {
    return Math.min(this.#ahead.step.atMs, this.#underWay.nextAtMs ?? Number.POSITIVE_INFINITY)
  }

  next(): PlannedRecord {
    for (;;) {
      const readyMs = this.#underWay.nextAtMs
      if (readyMs !== undefined && readyMs <= this.#ahead.step.atMs) {
        const ready = this.#underWay.take()
        if (ready !== undefined) return ready.value
      }
      this.#plan(this.#ahead)
      this.#ahead = this.#traffic.next()
    }
  }

  /** Puts all records that one happening gives on their way. */
  #plan(happening: Happening): void {
    const lots = this.#lots
    const aheadMs = happening.session.visitor.clockAheadMs
    const lot = lots.fraction()
    const isLate = lot < LATE.share && aheadMs === 0
    const isDelayed = !isLate && lot >= LATE.share && lot < LATE.share + OUT_OF_ORDER.share
    const delay = isLate ? LATE : isDelayed ? OUT_OF_ORDER : undefined
    const sendAtMs = happening.step.atMs + (delay ? lots.whole(delay.minMs, delay.maxMs) : 0)
    const fate: Fate = aheadMs >= FUTURE_MS ? 'FUTURE_TIMESTAMP' : isLate ? 'late' : 'accepted'
    const event = this.#eventOf(happening)
    this.#send({ sendAtMs, event, session: happening.session, fate, isOutOfOrder: isDelayed && fate === 'accepted' })
    if (lots.chance(DUPLICATE.share))
      this.#send({
        sendAtMs: sendAtMs + lots.whole(0, DUPLICATE.maxMs),
        event,
        session: happening.session,
        fate: fate === 'accepted' ? 'duplicate' : fate,
        isOutOfOrder: false,
      })
    if (event.kind === 'click' && lots.chance(MALFORMED_SHARE)) this.#sendMalformed(happening)
  }

  #sendMalformed(happening: Happening): void {
    const malformation = MALFORMATION_KINDS[this.#malformedCount++ % MALFORMATION_KINDS.length] ?? 'null_value'
    const event = this.#eventOf(happening)
    if (event.kind !== 'click') return
    this.#send({
      sendAtMs: happening.step.atMs,
      event: { kind: 'malformed', click: event.click, malformation, cut: this.#lots.fraction() },
      session: happening.session,
      fate: MALFORMATIONS[malformation],
      isOutOfOrder: false,
    })
  }

  #send(record: PlannedRecord): void {
    this.#underWay.put(record.sendAtMs, record)
  }

  #eventOf({ session: { visitor }, step }: Happening): PlannedEvent {
    const base = {
      event_id: this.#ids.uuid(),
      event_ts: step.atMs + visitor.clockAheadMs,
      ingest_ts: 0,
      source: SOURCE,
      session_id: visitor.sessionId,
      user_id: visitor.userId,
    }
    if (step.type !== 'purchase') {
      const { ip, userAgent: user_agent, referrer } = visitor
      const { type: event_type, itemId: item_id, page } = step
      return { kind: 'click', click: { ...base, event_type, item_id, page, ip, user_agent, referrer } }
    }
    const { item, quantity } = step
    const purchase = { order_id: `order-${base.session_id.slice(2)}`, item_id: item.itemId, quantity }
    return { kind: 'purchase', purchase: { ...base, ...purchase, unit_price: item.unitPrice, currency: 'EUR' } }
  }
}
