import { TextSlice, type Text } from '../text.js'

const NONE = -1
const FIRST_SLOTS = 2_048

/**
 * Gives each distinct text a small number until it is removed, and the numbers of removed ones again. It finds a text in
 * a record's bytes without making a string of it: open addressing with the hash beside the number.
 */
export class TextTable {
  readonly #texts: (string | undefined)[] = []
  readonly #free: number[] = []
  /** The hash of each text, by its number. */
  #hashes = new Int32Array(FIRST_SLOTS / 2)
  /** Two words a slot: hash, and number + 1; zero there is a free slot. */
  #slots = new Int32Array(2 * FIRST_SLOTS)
  #mask = FIRST_SLOTS - 1
  readonly #probe = new TextSlice()

  get size(): number {
    return this.#texts.length - this.#free.length
  }

  get bytes(): number {
    return this.#hashes.byteLength + this.#slots.byteLength
  }

  /** The number of a text, or -1. */
  find(text: Text): number {
    const slice = typeof text === 'string' ? this.#probe.setString(text) : text
    const hash = slice.hash
    const slots = this.#slots
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const ref = (slots[2 * at + 1] ?? 0) - 1
      if (ref === NONE) return NONE
      if (slots[2 * at] === hash && slice.is(this.#texts[ref] ?? '')) return ref
    }
  }

  /** Gives a text that is not there a number. */
  add(text: Text): number {
    const slice = typeof text === 'string' ? this.#probe.setString(text) : text
    const ref = this.#free.pop() ?? this.#texts.length
    if (ref >= this.#hashes.length) this.#grow()
    this.#texts[ref] = slice.toString()
    this.#hashes[ref] = slice.hash
    this.#put(ref)
    return ref
  }

  /** @throws RangeError for a number that no text has */
  textOf(ref: number): string {
    const text = this.#texts[ref]
    if (text === undefined) throw new RangeError(`no text has the number ${ref}`)
    return text
  }

  /** Whether the text of a number is this one. */
  isText(ref: number, text: Text): boolean {
    const known = this.textOf(ref)
    return typeof text === 'string' ? text === known : text.hash === this.#hashes[ref] && text.is(known)
  }

  /** @throws RangeError for a number that no text has */
  remove(ref: number): void {
    this.textOf(ref)
    const slots = this.#slots
    const mask = this.#mask
    let hole = (this.#hashes[ref] ?? 0) & mask
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
    this.#texts[ref] = undefined
    this.#free.push(ref)
  }

  #put(ref: number): void {
    const hash = this.#hashes[ref] ?? 0
    let at = hash & this.#mask
    while (this.#slots[2 * at + 1] !== 0) at = (at + 1) & this.#mask
    this.#slots[2 * at] = hash
    this.#slots[2 * at + 1] = ref + 1
  }

  /** To twice the room; at most half of the slots are used. */
  #grow(): void {
    const hashes = new Int32Array(this.#hashes.length * 2)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    this.#slots = new Int32Array(this.#slots.length * 2)
    this.#mask = this.#slots.length / 2 - 1
    for (const [ref, text] of this.#texts.entries()) if (text !== undefined) this.#put(ref)
  }
}
