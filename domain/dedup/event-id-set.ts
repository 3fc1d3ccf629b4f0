import { beginHash, finishHash, mixHash } from '../hashing.js'
import type { EventIdBits } from './event-id.js'
import type { SessionBits } from './stable-hash.js'
import { TextIds, type StoredText } from './text-ids.js'

/**
 * Words of an entry: four of the id, the first of them with half of the session's bits folded into it; the other half; the
 * hash of the contents; the event time as a double. An id restored from state that did not know sessions has none: zeros.
 */
const STRIDE = 8
const W_SESSION = 4
const W_CONTENTS = 5
const D_TIME = 3
const DOUBLES = STRIDE / 2
const FIRST_CAPACITY = 1_024
/** A table that is laid out anew has so many entries for each live one: any number, since powers of two idle by the megabyte. */
const CAPACITY_PER_LIVE = 2.4
const MAX_LOAD = 0.7
/** It stays where it is while it has so many times the entries that it would get. */
const TOO_SMALL = 1.25
const TOO_LARGE = 0.5
const HASHES = 2 ** 32
const EMPTY = 0
const NO_SESSION = 0

/** What an event is to the set: new; an event that it knows; or another one under the identity of one that it knows. */
export const NEW = 0
export const DUPLICATE = 1
export const COLLISION = 2
export type Seen = typeof NEW | typeof DUPLICATE | typeof COLLISION

/**
 * The events accepted so far whose event time the watermark has not passed, by session and event id, with a hash of their
 * contents. Ids that are UUIDs lie as 128 bits in one open-addressed table; an entry that the watermark has passed counts as
 * free, and is left behind when the table is laid out again. Other ids are kept as text.
 */
export class EventIdSet {
  #capacity = FIRST_CAPACITY
  #words = new Int32Array(FIRST_CAPACITY * STRIDE)
  #times = new Float64Array(this.#words.buffer)
  #used = 0
  readonly #texts = new TextIds()
  /** The latest event time of an entry without a session; while the watermark is not behind it, ids are looked up without one, too. */
  #sessionlessToMs = Number.NEGATIVE_INFINITY
  #added = new Int32Array(FIRST_CAPACITY * STRIDE)
  #addedTimes = new Float64Array(this.#added.buffer)
  #addedCount = 0

  /** Entries in memory, those that the watermark has passed since the last clean-up among them. */
  get size(): number {
    return this.#used + this.#texts.size
  }

  get bytes(): number {
    return this.#words.byteLength + this.#added.byteLength + this.#texts.bytes
  }

  /**
   * Adds an event whose id is a UUID, unless it is known.
   * @param contents hash of what it says
   * @param eventMs the event's own time; it is known until the watermark has passed it
   */
  add(id: EventIdBits, session: SessionBits, contents: number, eventMs: number, watermarkMs: number): Seen {
    if (this.#sessionlessToMs >= watermarkMs && this.#hasSessionless(id, watermarkMs)) return DUPLICATE
    if (this.#used >= this.#capacity * MAX_LOAD) this.#layOut(watermarkMs)
    const w0 = id.w0 ^ session.s0
    const at = this.#place(w0, id.w1, id.w2, id.w3, session.s1, contents, eventMs, watermarkMs)
    if (at < 0) return this.#words[~at * STRIDE + W_CONTENTS] === contents ? DUPLICATE : COLLISION
    this.#remember(at, watermarkMs)
    return NEW
  }

  /** The same for an id that is not a UUID. */
  addText(id: string, session: string, contents: number, eventMs: number, watermarkMs: number): Seen {
    // Without a session: restored from state that did not know them. A session has no NUL.
    if (this.#sessionlessToMs >= watermarkMs && this.#texts.live(id, watermarkMs)) return DUPLICATE
    const key = `${session}\0${id}`
    const known = this.#texts.live(key, watermarkMs)
    if (known) return known.contents === contents ? DUPLICATE : COLLISION
    this.#texts.add(key, { eventMs, contents }, watermarkMs)
    return NEW
  }

  /**
   * Hands over what was added since the last call and is still live. Texts are keyed by session, NUL, id.
   * @returns bits that are valid until the next id is added
   */
  takeAdded(watermarkMs: number): { bits: Int32Array; texts: StoredText[] } {
    const kept = this.#compactAdded(watermarkMs)
    this.#addedCount = 0
    return { bits: this.#added.subarray(0, kept * STRIDE), texts: this.#texts.takeAdded(watermarkMs) }
  }

  /** All that is live, in the same form; what `takeAdded` would give is thereby handed over too. */
  takeAll(watermarkMs: number): { bits: Int32Array; texts: StoredText[] } {
    this.#layOut(watermarkMs)
    const live = new Int32Array(this.#used * STRIDE)
    let kept = 0
    for (let i = 0; i < this.#capacity; i++)
      if (this.#times[i * DOUBLES + D_TIME] !== EMPTY)
        live.set(this.#words.subarray(i * STRIDE, (i + 1) * STRIDE), kept++ * STRIDE)
    this.#addedCount = 0
    return { bits: live, texts: this.#texts.takeAll(watermarkMs) }
  }

  /** Puts back what was handed over. An id that is there twice keeps its later event time. */
  restore(bits: Int32Array, texts: readonly StoredText[], watermarkMs: number): void {
    const times = new Float64Array(bits.slice().buffer)
    for (let i = 0; i * STRIDE < bits.length; i++) {
      const eventMs = times[i * DOUBLES + D_TIME] ?? EMPTY
      if (eventMs < watermarkMs) continue
      if (this.#used >= this.#capacity * MAX_LOAD) this.#layOut(watermarkMs)
      this.#placeAgain(bits, i, eventMs, watermarkMs)
      if (bits[i * STRIDE + W_SESSION] === NO_SESSION) this.#sawSessionless(eventMs)
    }
    for (const [key, eventMs, contents] of texts) {
      if (eventMs < watermarkMs) continue
      this.#texts.set(key, { eventMs, contents })
      if (!key.includes('\0')) this.#sawSessionless(eventMs)
    }
  }

  /**
   * Puts back what a release handed over that knew events by their ids alone: they are known in every session until the
   * watermark has passed them, as they were then.
   * @param bits six words each: the id, the event time
   */
  restoreSessionless(bits: Int32Array, texts: readonly (readonly [string, number])[], watermarkMs: number): void {
    const widened = new Int32Array((bits.length / 6) * STRIDE)
    for (let i = 0; i * 6 < bits.length; i++) {
      widened.set(bits.subarray(i * 6, i * 6 + 4), i * STRIDE)
      widened.set(bits.subarray(i * 6 + 4, i * 6 + 6), i * STRIDE + 2 * D_TIME)
    }
    const stored = texts.map(([id, eventMs]): StoredText => [id, eventMs, 0])
    this.restore(widened, stored, watermarkMs)
  }

  #sawSessionless(eventMs: number): void {
    if (eventMs > this.#sessionlessToMs) this.#sessionlessToMs = eventMs
  }

  #hasSessionless({ w0, w1, w2, w3 }: EventIdBits, watermarkMs: number): boolean {
    const words = this.#words
    const capacity = this.#capacity
    for (let i = placeOf(w0, w1, w2, w3, capacity); ; i++) {
      if (i === capacity) i = 0
      const timeMs = this.#times[i * DOUBLES + D_TIME] ?? EMPTY
      if (timeMs === EMPTY) return false
      const o = i * STRIDE
      if (timeMs < watermarkMs || words[o + W_SESSION] !== NO_SESSION) continue
      if (words[o] === w0 && words[o + 1] === w1 && words[o + 2] === w2 && words[o + 3] === w3) return true
    }
  }

  /** @returns where the entry was put; when it is there and live, the complement of where */
  #place(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    session: number,
    contents: number,
    eventMs: number,
    watermarkMs: number,
  ): number {
    const words = this.#words
    const times = this.#times
    const capacity = this.#capacity
    let slot = -1
    for (let i = placeOf(w0, w1, w2, w3, capacity); ; i++) {
      if (i === capacity) i = 0
      const timeMs = times[i * DOUBLES + D_TIME] ?? EMPTY
      if (timeMs === EMPTY) {
        if (slot < 0) {
          slot = i
          this.#used++
        }
        break
      }
      if (timeMs < watermarkMs) {
        if (slot < 0) slot = i
        continue
      }
      const o = i * STRIDE
      if (words[o] !== w0 || words[o + 1] !== w1 || words[o + 2] !== w2 || words[o + 3] !== w3) continue
      if (words[o + W_SESSION] === session) return ~i
    }
    const o = slot * STRIDE
    words[o] = w0
    words[o + 1] = w1
    words[o + 2] = w2
    words[o + 3] = w3
    words[o + W_SESSION] = session
    words[o + W_CONTENTS] = contents
    times[slot * DOUBLES + D_TIME] = eventMs
    return slot
  }

  #remember(slot: number, watermarkMs: number): void {
    if (this.#addedCount * STRIDE === this.#added.length) this.#makeRoom(watermarkMs)
    const from = slot * STRIDE
    const to = this.#addedCount * STRIDE
    for (let k = 0; k < STRIDE; k++) this.#added[to + k] = this.#words[from + k] ?? 0
    this.#addedCount++
  }

  /** Moves the live additions to the front. @returns how many those are */
  #compactAdded(watermarkMs: number): number {
    const added = this.#added
    const times = this.#addedTimes
    let kept = 0
    for (let i = 0; i < this.#addedCount; i++) {
      if ((times[i * DOUBLES + D_TIME] ?? 0) < watermarkMs) continue
      if (kept < i) for (let k = 0; k < STRIDE; k++) added[kept * STRIDE + k] = added[i * STRIDE + k] ?? 0
      kept++
    }
    return kept
  }

  /** What the watermark has passed goes from the list of additions, so that it is bounded when nobody takes it, too. */
  #makeRoom(watermarkMs: number): void {
    const kept = this.#compactAdded(watermarkMs)
    this.#addedCount = kept
    if (kept * STRIDE * 2 <= this.#added.length) return
    const grown = new Int32Array(this.#added.length * 2)
    grown.set(this.#added)
    this.#added = grown
    this.#addedTimes = new Float64Array(grown.buffer)
  }

  /** Leaves behind what the watermark has passed: in place, or in another table when this one is too small or too large. */
  #layOut(watermarkMs: number): void {
    const times = this.#times
    let live = 0
    for (let i = 0; i < this.#capacity; i++) if (isLive(times[i * DOUBLES + D_TIME] ?? EMPTY, watermarkMs)) live++
    const best = Math.max(FIRST_CAPACITY, Math.ceil(live * CAPACITY_PER_LIVE))
    if (best > this.#capacity * TOO_SMALL || best < this.#capacity * TOO_LARGE) this.#move(best, watermarkMs)
    else this.#sweep(watermarkMs)
  }

  #move(capacity: number, watermarkMs: number): void {
    const [words, times, slots] = [this.#words, this.#times, this.#capacity]
    this.#capacity = capacity
    this.#words = new Int32Array(capacity * STRIDE)
    this.#times = new Float64Array(this.#words.buffer)
    this.#used = 0
    for (let i = 0; i < slots; i++) this.#placeAgain(words, i, times[i * DOUBLES + D_TIME] ?? EMPTY, watermarkMs)
  }

  /**
   * From behind a free slot on, each entry is taken out and put back: what lies between its own place and where it was has
   * been put back already, so it comes to lie there or before. An array of its own would be garbage of as many megabytes.
   */
  #sweep(watermarkMs: number): void {
    const times = this.#times
    let free = 0
    while (times[free * DOUBLES + D_TIME] !== EMPTY) free++
    for (let n = 1; n < this.#capacity; n++) {
      const i = (free + n) % this.#capacity
      const eventMs = times[i * DOUBLES + D_TIME] ?? EMPTY
      if (eventMs === EMPTY) continue
      times[i * DOUBLES + D_TIME] = EMPTY
      this.#used--
      this.#placeAgain(this.#words, i, eventMs, watermarkMs)
    }
  }

  #placeAgain(words: Int32Array, slot: number, eventMs: number, watermarkMs: number): void {
    if (!isLive(eventMs, watermarkMs)) return
    const o = slot * STRIDE
    const [session, contents] = [words[o + W_SESSION] ?? 0, words[o + W_CONTENTS] ?? 0]
    const [w0, w1, w2, w3] = [words[o] ?? 0, words[o + 1] ?? 0, words[o + 2] ?? 0, words[o + 3] ?? 0]
    this.#place(w0, w1, w2, w3, session, contents, eventMs, watermarkMs)
  }
}

/** Where the search for an entry begins. */
const placeOf = (w0: number, w1: number, w2: number, w3: number, capacity: number): number =>
  Math.floor(((hash(w0, w1, w2, w3) >>> 0) / HASHES) * capacity)

const hash = (w0: number, w1: number, w2: number, w3: number): number =>
  finishHash(mixHash(mixHash(mixHash(mixHash(beginHash(4), w0), w1), w2), w3))

const isLive = (eventMs: number, watermarkMs: number): boolean => eventMs !== EMPTY && eventMs >= watermarkMs
