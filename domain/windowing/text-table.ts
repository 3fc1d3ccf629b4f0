import { heldBytes, PACKED_WORDS, TextSlice, unpackText, type Text } from '../text.js'
import { grown } from './growth.js'

const NONE = -1
const FIRST_SLOTS = 2_048

/*
 * A text is a run of sixteen words, a cache line: it is found, compared and counted with one look at memory, and the
 * garbage collector has nothing to follow.
 */
const WORDS = 4 + PACKED_WORDS
const HASH = 0
/** How many characters are packed behind the four words, or one of the two below. */
const LENGTH = 1
/** Two numbers that the owner of the table keeps with each text. */
const FIRST = 2
const SECOND = 3
const PACKED = 4
/** The text is a string beside the words. */
const IS_STRING = -1
const IS_FREE = -2

/** Texts that have numbers. */
export interface TextSource {
  /** @throws RangeError for a number that no text has */
  textOf(ref: number): string
  /**
   * Copies the words of a text that is packed, four characters to a word; there must be room for twelve.
   * @returns how many characters those are, or -1 when the text has to be asked for as a string
   */
  copyWords(ref: number, into: Int32Array, at: number): number
}

/**
 * Gives each distinct text a small number until it is removed, and the numbers of removed ones again. It finds a text in
 * a record's bytes without making a string of it: open addressing with the hash beside the number.
 */
export class TextTable implements TextSource {
  #words = new Int32Array((FIRST_SLOTS / 2) * WORDS)
  /** Texts that are too long for their words, or not ASCII. */
  readonly #strings = new Map<number, string>()
  #stringBytes = 0
  #used = 0
  readonly #free: number[] = []
  /** Two words a slot: hash, and number + 1; zero there is a free slot. */
  #slots = new Int32Array(2 * FIRST_SLOTS)
  #mask = FIRST_SLOTS - 1
  readonly #probe = new TextSlice()

  get size(): number {
    return this.#used - this.#free.length
  }

  get bytes(): number {
    return this.#words.byteLength + this.#slots.byteLength + this.#stringBytes
  }

  /** The number of a text, or -1. */
  find(text: Text): number {
    const slice = typeof text === 'string' ? this.#probe.setString(text) : text
    const hash = slice.hash
    const slots = this.#slots
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const ref = (slots[2 * at + 1] ?? 0) - 1
      if (ref === NONE) return NONE
      if (slots[2 * at] === hash && this.#is(ref, slice)) return ref
    }
  }

  /** Gives a text that is not there a number; its two numbers are zero. */
  add(text: Text): number {
    const slice = typeof text === 'string' ? this.#probe.setString(text) : text
    const ref = this.#free.pop() ?? this.#used++
    if ((ref + 1) * WORDS > this.#words.length) this.#grow()
    const base = ref * WORDS
    const words = this.#words
    const length = slice.packedLength
    words[base + HASH] = slice.hash
    words[base + LENGTH] = length
    words[base + FIRST] = 0
    words[base + SECOND] = 0
    if (length < 0) this.#addString(ref, slice.toString())
    else for (let i = 0; i < (length + 3) >>> 2; i++) words[base + PACKED + i] = slice.words[i] ?? 0
    this.#put(ref)
    return ref
  }

  first(ref: number): number {
    return this.#words[ref * WORDS + FIRST] ?? 0
  }

  setFirst(ref: number, value: number): void {
    this.#words[ref * WORDS + FIRST] = value
  }

  second(ref: number): number {
    return this.#words[ref * WORDS + SECOND] ?? 0
  }

  setSecond(ref: number, value: number): void {
    this.#words[ref * WORDS + SECOND] = value
  }

  /** @throws RangeError for a number that no text has */
  textOf(ref: number): string {
    const length = this.#lengthOf(ref)
    return length === IS_STRING ? (this.#strings.get(ref) ?? '') : unpackText(this.#words, ref * WORDS + PACKED, length)
  }

  copyWords(ref: number, into: Int32Array, at: number): number {
    const length = this.#lengthOf(ref)
    const from = ref * WORDS + PACKED
    const words = this.#words
    for (let i = 0; i < (length + 3) >> 2; i++) into[at + i] = words[from + i] ?? 0
    return length
  }

  /** Whether the text of a number is this one. @throws RangeError for a number that no text has */
  isText(ref: number, text: Text): boolean {
    this.#lengthOf(ref)
    const slice = typeof text === 'string' ? this.#probe.setString(text) : text
    return this.#words[ref * WORDS + HASH] === slice.hash && this.#is(ref, slice)
  }

  /** @throws RangeError for a number that no text has */
  remove(ref: number): void {
    if (this.#lengthOf(ref) === IS_STRING) this.#removeString(ref)
    const slots = this.#slots
    const mask = this.#mask
    let hole = (this.#words[ref * WORDS + HASH] ?? 0) & mask
    while (slots[2 * hole + 1] !== ref + 1) hole = (hole + 1) & mask
    // Those behind move up, as far as their own place lets them, so that no search ends too early.
    for (let at = (hole + 1) & mask; slots[2 * at + 1] !== 0; at = (at + 1) & mask) {
      const home = (slots[2 * at] ?? 0) & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      slots[2 * hole] = slots[2 * at] ?? 0
      slots[2 * hole + 1] = slots[2 * at + 1] ?? 0
      hole = at
    }
    slots[2 * hole + 1] = 0
    this.#words[ref * WORDS + LENGTH] = IS_FREE
    this.#free.push(ref)
  }

  #lengthOf(ref: number): number {
    const length = ref < this.#used ? this.#words[ref * WORDS + LENGTH] : IS_FREE
    if (length === undefined || length === IS_FREE) throw new RangeError(`no text has the number ${ref}`)
    return length
  }

  /** Whether a text of the same hash is this one. */
  #is(ref: number, slice: TextSlice): boolean {
    const base = ref * WORDS
    const words = this.#words
    const length = slice.packedLength
    if (words[base + LENGTH] !== length) return false
    if (length < 0) return this.#strings.get(ref) === slice.toString()
    const others = slice.words
    for (let i = (length - 1) >> 2; i >= 0; i--) if (words[base + PACKED + i] !== others[i]) return false
    return true
  }

  #addString(ref: number, text: string): void {
    this.#strings.set(ref, text)
    this.#stringBytes += heldBytes(text)
  }

  #removeString(ref: number): void {
    this.#stringBytes -= heldBytes(this.textOf(ref))
    this.#strings.delete(ref)
  }

  #put(ref: number): void {
    const hash = this.#words[ref * WORDS + HASH] ?? 0
    let at = hash & this.#mask
    while (this.#slots[2 * at + 1] !== 0) at = (at + 1) & this.#mask
    this.#slots[2 * at] = hash
    this.#slots[2 * at + 1] = ref + 1
  }

  /** Makes room; at most half of the slots are used. Called when every number is in use but the new one. */
  #grow(): void {
    const filled = this.#words.length / WORDS
    this.#words = grown(this.#words, WORDS)
    if (this.#words.length / WORDS <= this.#slots.length / 4) return
    this.#slots = new Int32Array(this.#slots.length * 2)
    this.#mask = this.#slots.length / 2 - 1
    for (let ref = 0; ref < filled; ref++) this.#put(ref)
  }
}
