import { beginHash, finishHash, mixHash } from '../hashing.js'
import { heldBytes } from '../text.js'
import type { EventIdBits } from './event-id.js'

/** Words of an entry: four of the id, two of the event time as a double. */
const STRIDE = 6
const FIRST_CAPACITY = 1_024
/** A table that is laid out anew has so many entries for each live one: any number, since powers of two idle by the megabyte. */
const CAPACITY_PER_LIVE = 2.4
const MAX_LOAD = 0.7
/** It stays where it is while it has so many times the entries that it would get. */
const TOO_SMALL = 1.25
const TOO_LARGE = 0.5
const HASHES = 2 ** 32
const EMPTY = 0

/**
 * The event ids accepted so far whose event time the watermark has not passed. Ids that are UUIDs lie as 128 bits in
 * one open-addressed table, together with their event time; an entry that the watermark has passed counts as free, and
 * is left behind when the table is laid out again. Other ids are kept as text.
 */
export class EventIdSet {
  #capacity = FIRST_CAPACITY
  #words = new Int32Array(FIRST_CAPACITY * STRIDE)
  #times = new Float64Array(this.#words.buffer)
  #used = 0
  readonly #texts = new Map<string, number>()
  #textBytes = 0
  #purgeTextsAt = 1_024
  #added = new Int32Array(FIRST_CAPACITY * STRIDE)
  #addedTimes = new Float64Array(this.#added.buffer)
  #addedCount = 0
  #addedTexts = new Set<string>()

  /** Entries in memory, those that the watermark has passed since the last clean-up among them. */
  get size(): number {
    return this.#used + this.#texts.size
  }

  get bytes(): number {
    return this.#words.byteLength + this.#added.byteLength + this.#textBytes
  }

  /**
   * Adds an id.
   * @param eventMs the event's own time; the id is kept until the watermark has passed it
   * @returns false when it is already there: the event is a duplicate
   */
  add(id: EventIdBits, eventMs: number, watermarkMs: number): boolean {
    if (this.#used >= this.#capacity * MAX_LOAD) this.#layOut(watermarkMs)
    const at = this.#place(id.w0, id.w1, id.w2, id.w3, eventMs, watermarkMs)
    if (at < 0) return false
    this.#remember(at, watermarkMs)
    return true
  }

  /** The same for an id that is not a UUID. */
  addText(id: string, eventMs: number, watermarkMs: number): boolean {
    const known = this.#texts.get(id)
    if (known !== undefined && known >= watermarkMs) return false
    if (this.#texts.size >= this.#purgeTextsAt) this.#purgeTexts(watermarkMs)
    this.#setText(id, eventMs)
    this.#addedTexts.add(id)
    return true
  }

  /**
   * Hands over what was added since the last call and is still live. Texts come with their event times.
   * @returns bits that are valid until the next id is added
   */
  takeAdded(watermarkMs: number): { bits: Int32Array; texts: [string, number][] } {
    const kept = this.#compactAdded(watermarkMs)
    const texts = [...this.#addedTexts].flatMap((id): [string, number][] => {
      const eventMs = this.#texts.get(id)
      return eventMs !== undefined && eventMs >= watermarkMs ? [[id, eventMs]] : []
    })
    this.#addedCount = 0
    this.#addedTexts.clear()
    return { bits: this.#added.subarray(0, kept * STRIDE), texts }
  }

  /** All that is live, in the same form; what `takeAdded` would give is thereby handed over too. */
  takeAll(watermarkMs: number): { bits: Int32Array; texts: [string, number][] } {
    this.#layOut(watermarkMs)
    this.#purgeTexts(watermarkMs)
    const live = new Int32Array(this.#used * STRIDE)
    let kept = 0
    for (let i = 0; i < this.#capacity; i++)
      if (this.#times[i * 3 + 2] !== EMPTY)
        live.set(this.#words.subarray(i * STRIDE, (i + 1) * STRIDE), kept++ * STRIDE)
    this.#addedCount = 0
    this.#addedTexts.clear()
    return { bits: live, texts: [...this.#texts] }
  }

  /** Puts back what was handed over. An id that is there twice keeps its later event time. */
  restore(bits: Int32Array, texts: readonly (readonly [string, number])[], watermarkMs: number): void {
    const times = new Float64Array(bits.slice().buffer)
    for (let i = 0; i * STRIDE < bits.length; i++) {
      const eventMs = times[i * 3 + 2] ?? EMPTY
      if (eventMs < watermarkMs) continue
      if (this.#used >= this.#capacity * MAX_LOAD) this.#layOut(watermarkMs)
      this.#placeAgain(bits, i, eventMs, watermarkMs)
    }
    for (const [id, eventMs] of texts) if (eventMs >= watermarkMs) this.#setText(id, eventMs)
  }

  /** @returns where the id was put, or -1 when it is there and live */
  #place(w0: number, w1: number, w2: number, w3: number, eventMs: number, watermarkMs: number): number {
    const words = this.#words
    const times = this.#times
    const capacity = this.#capacity
    let slot = -1
    for (let i = Math.floor(((hash(w0, w1, w2, w3) >>> 0) / HASHES) * capacity); ; i++) {
      if (i === capacity) i = 0
      const timeMs = times[i * 3 + 2] ?? EMPTY
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
      if (words[o] === w0 && words[o + 1] === w1 && words[o + 2] === w2 && words[o + 3] === w3) return -1
    }
    const o = slot * STRIDE
    words[o] = w0
    words[o + 1] = w1
    words[o + 2] = w2
    words[o + 3] = w3
    times[slot * 3 + 2] = eventMs
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
      if ((times[i * 3 + 2] ?? 0) < watermarkMs) continue
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
    for (let i = 0; i < this.#capacity; i++) if (isLive(times[i * 3 + 2] ?? EMPTY, watermarkMs)) live++
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
    for (let i = 0; i < slots; i++) this.#placeAgain(words, i, times[i * 3 + 2] ?? EMPTY, watermarkMs)
  }

  /**
   * From behind a free slot on, each entry is taken out and put back: what lies between its own place and where it was has
   * been put back already, so it comes to lie there or before. An array of its own would be garbage of as many megabytes.
   */
  #sweep(watermarkMs: number): void {
    const times = this.#times
    let free = 0
    while (times[free * 3 + 2] !== EMPTY) free++
    for (let n = 1; n < this.#capacity; n++) {
      const i = (free + n) % this.#capacity
      const eventMs = times[i * 3 + 2] ?? EMPTY
      if (eventMs === EMPTY) continue
      times[i * 3 + 2] = EMPTY
      this.#used--
      this.#placeAgain(this.#words, i, eventMs, watermarkMs)
    }
  }

  #placeAgain(words: Int32Array, slot: number, eventMs: number, watermarkMs: number): void {
    if (!isLive(eventMs, watermarkMs)) return
    const o = slot * STRIDE
    this.#place(words[o] ?? 0, words[o + 1] ?? 0, words[o + 2] ?? 0, words[o + 3] ?? 0, eventMs, watermarkMs)
  }

  #setText(id: string, eventMs: number): void {
    if (!this.#texts.has(id)) this.#textBytes += heldBytes(id)
    this.#texts.set(id, eventMs)
  }

  #purgeTexts(watermarkMs: number): void {
    for (const [id, eventMs] of this.#texts) {
      if (eventMs >= watermarkMs) continue
      this.#texts.delete(id)
      this.#textBytes -= heldBytes(id)
      this.#addedTexts.delete(id)
    }
    this.#purgeTextsAt = Math.max(1_024, this.#texts.size * 2)
  }
}

const hash = (w0: number, w1: number, w2: number, w3: number): number =>
  finishHash(mixHash(mixHash(mixHash(mixHash(beginHash(4), w0), w1), w2), w3))

const isLive = (eventMs: number, watermarkMs: number): boolean => eventMs !== EMPTY && eventMs >= watermarkMs
