import type { Fate } from './fate.js'
import { EARLIEST_EVENT_MS, LATEST_EVENT_MS } from '../events/event-fault.js'
import type { Counts } from './partition-detector.js'

export const MINUTE_MS = 60_000

/** What a minute is of: the event's own time, or the log append time of a record whose event time is of no use. */
export type MinuteClock = 'event' | 'append'

/** What became of the records of one minute. */
export interface MinuteCount {
  readonly clock: MinuteClock
  /** The minute's start. */
  readonly minuteMs: number
  readonly counts: Counts
}

/** Records that were counted at their log append time though they have an event time. */
export interface Displaced {
  /** There were too many different minutes at once. */
  readonly overflow: number
  /** Their minutes are not kept any more. */
  readonly tooOld: number
}

/** Whether an event can be counted at its own time; a bad clock must not fill the store with minutes that never come. */
export const isUsableTime = (eventMs: number, appendMs: number, maxFutureSkewMs: number): boolean =>
  eventMs >= EARLIEST_EVENT_MS && eventMs <= LATEST_EVENT_MS && eventMs <= appendMs + maxFutureSkewMs

const FATE_SLOTS: Readonly<Record<Fate, number>> = { accepted: 0, duplicate: 1, late: 2, dead: 3 }
const WIDTH = 4

/**
 * Counts the fates of records by minute, from one checkpoint to the next. Flat: an index of minutes and four numbers for
 * each. Bounded: beyond `maxMinutes` different ones, records count at their log append time, whose minutes are few.
 */
export class MinuteCounts {
  readonly #maxMinutes: number
  readonly #slots = new Map<number, number>()
  #figures = new Float64Array(64 * WIDTH)
  #keptFrom = Number.NEGATIVE_INFINITY
  #lastKey = Number.NaN
  #lastSlot = 0
  #overflow = 0
  #tooOld = 0

  /** @param maxMinutes at least 1; one more is used when the log append time needs it */
  constructor(maxMinutes: number) {
    this.#maxMinutes = maxMinutes
  }

  /** Different minutes since the last `take`. */
  get size(): number {
    return this.#slots.size
  }

  /** Events of earlier minutes are counted at their log append time from now on. @param ms an event time */
  keepFrom(ms: number): void {
    this.#keptFrom = Math.floor(ms / MINUTE_MS)
    this.#lastKey = Number.NaN
  }

  /** @param eventMs undefined when the record has no event time that can be used */
  count(fate: Fate, eventMs: number | undefined, appendMs: number, records = 1): void {
    const slot = eventMs === undefined ? this.#appendSlot(appendMs) : this.#eventSlot(eventMs, appendMs)
    const at = slot * WIDTH + FATE_SLOTS[fate]
    this.#figures[at] = (this.#figures[at] ?? 0) + records
  }

  /** Everything counted since the last call. */
  take(): { readonly minutes: readonly MinuteCount[]; readonly displaced: Displaced } {
    const minutes = [...this.#slots].map(([key, slot]): MinuteCount => {
      const [accepted = 0, duplicate = 0, late = 0, dead = 0] = this.#figures.subarray(slot * WIDTH, (slot + 1) * WIDTH)
      const isAppend = Math.abs(key % 2) === 1
      const minuteMs = Math.floor(key / 2) * MINUTE_MS
      return { clock: isAppend ? 'append' : 'event', minuteMs, counts: { accepted, duplicate, late, dead } }
    })
    const displaced = { overflow: this.#overflow, tooOld: this.#tooOld }
    this.#figures.fill(0, 0, this.#slots.size * WIDTH)
    this.#slots.clear()
    this.#lastKey = Number.NaN
    this.#overflow = 0
    this.#tooOld = 0
    return { minutes, displaced }
  }

  #eventSlot(eventMs: number, appendMs: number): number {
    const minute = Math.floor(eventMs / MINUTE_MS)
    const key = minute * 2
    if (key === this.#lastKey) return this.#lastSlot
    if (minute < this.#keptFrom) {
      this.#tooOld++
      return this.#appendSlot(appendMs)
    }
    const known = this.#slots.get(key)
    if (known === undefined && this.#slots.size >= this.#maxMinutes) {
      this.#overflow++
      return this.#appendSlot(appendMs)
    }
    this.#lastKey = key
    return (this.#lastSlot = known ?? this.#add(key))
  }

  /** When even these minutes are too many, the record counts in one that is there: a log's append times do not wander. */
  #appendSlot(appendMs: number): number {
    const key = Math.floor(appendMs / MINUTE_MS) * 2 + 1
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    if (this.#slots.size <= this.#maxMinutes) return this.#add(key)
    const anyAppend = [...this.#slots].find(([other]) => other % 2 === 1)
    return anyAppend ? anyAppend[1] : this.#add(key)
  }

  #add(key: number): number {
    const slot = this.#slots.size
    if ((slot + 1) * WIDTH > this.#figures.length) {
      const larger = new Float64Array(this.#figures.length * 2)
      larger.set(this.#figures)
      this.#figures = larger
    }
    this.#slots.set(key, slot)
    return slot
  }
}
