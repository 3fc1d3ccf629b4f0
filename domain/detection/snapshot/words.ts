import { MAX_PACKED_LENGTH, PACKED_WORDS, unpackText } from '../../text.js'
import type { TextSource } from '../../windowing/text-table.js'

const encoder = new TextEncoder()
// A leading byte order mark is part of a text, and bytes that are no text are a fault.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

const wordsFor = (bytes: number): number => (bytes + 3) >>> 2

/**
 * Writes numbers and texts as words of four bytes into one growing array. Words that lie in memory are copied as they
 * are, so that nothing is made of a pane or of a text on its way.
 */
export class WordWriter {
  /** Valid until the next `reserve`. */
  words: Int32Array<ArrayBuffer>
  #length = 0
  readonly #double = new Float64Array(1)
  readonly #halves = new Int32Array(this.#double.buffer)

  /** @param room words that there is room for at first */
  constructor(room = 16_384) {
    this.words = new Int32Array(room)
  }

  get length(): number {
    return this.#length
  }

  /** Makes room for so many words more. @returns where the first of them is; whoever wrote them says so by `wrote` */
  reserve(more: number): number {
    if (this.#length + more > this.words.length) {
      const grown = new Int32Array(Math.max(this.words.length * 2, this.#length + more))
      grown.set(this.words.subarray(0, this.#length))
      this.words = grown
    }
    return this.#length
  }

  /** @param end where the next word is to be */
  wrote(end: number): void {
    this.#length = end
  }

  i32(value: number): void {
    const at = this.reserve(1)
    this.words[at] = value
    this.#length = at + 1
  }

  f64(value: number): void {
    const at = this.reserve(2)
    this.#double[0] = value
    this.words.set(this.#halves, at)
    this.#length = at + 2
  }

  /** Many words, with how many there are in front. */
  run(words: Int32Array): void {
    this.i32(words.length)
    const at = this.reserve(words.length)
    this.words.set(words, at)
    this.#length = at + words.length
  }

  /** As UTF-8, with the number of its bytes in front, all bits of it the other way. */
  text(text: string): void {
    const at = this.reserve(1 + wordsFor(text.length * 3))
    const { buffer } = this.words
    const { written } = encoder.encodeInto(text, new Uint8Array(buffer, (at + 1) * 4, text.length * 3))
    const end = at + 1 + wordsFor(written)
    // What lies behind the last byte in its word may be of before.
    new Uint8Array(buffer, (at + 1) * 4 + written, end * 4 - (at + 1) * 4 - written).fill(0)
    this.words[at] = ~written
    this.#length = end
  }

  /** A text that has a number: its words as they are, with the number of its characters in front, where that can be. */
  textOf(source: TextSource, ref: number): void {
    const at = this.reserve(1 + PACKED_WORDS)
    const length = source.copyWords(ref, this.words, at + 1)
    if (length < 0) {
      this.text(source.textOf(ref))
      return
    }
    this.words[at] = length
    this.#length = at + 1 + wordsFor(length)
  }

  /** All that was written. Valid until more is. */
  finish(): Int32Array<ArrayBuffer> {
    return this.words.subarray(0, this.#length)
  }
}

/** Reads what `WordWriter` wrote. @throws RangeError when it ends too early */
export class WordReader {
  readonly #words: Int32Array<ArrayBuffer>
  readonly #double = new Float64Array(1)
  readonly #halves = new Int32Array(this.#double.buffer)
  #at = 0

  constructor(words: Int32Array<ArrayBuffer>) {
    this.#words = words
  }

  get done(): boolean {
    return this.#at === this.#words.length
  }

  i32(): number {
    return this.#words[this.#step(1)] ?? 0
  }

  f64(): number {
    this.#halves.set(this.words(2))
    return this.#double[0] ?? 0
  }

  /** So many words. A view, not a copy. */
  words(count: number): Int32Array<ArrayBuffer> {
    const from = this.#step(count)
    return this.#words.subarray(from, from + count)
  }

  /** What `run` wrote. A view, not a copy. */
  run(): Int32Array<ArrayBuffer> {
    return this.words(this.i32())
  }

  text(): string {
    const length = this.i32()
    if (length > MAX_PACKED_LENGTH) throw new RangeError(`no text of ${length} characters is packed`)
    if (length >= 0) return unpackText(this.words(wordsFor(length)), 0, length)
    const bytes = this.words(wordsFor(~length))
    return decoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, ~length))
  }

  #step(words: number): number {
    const at = this.#at
    if (words < 0 || at + words > this.#words.length) throw new RangeError('the snapshot ends too early')
    this.#at += words
    return at
  }
}
