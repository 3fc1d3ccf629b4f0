import type { TextSource } from '../../windowing/text-table.js'
import { WordReader, WordWriter } from './words.js'

/** The texts that a piece refers to: each is written once, however often it is used, and numbered as they come. */
export class NumberedTexts {
  readonly #source: TextSource
  readonly #writer = new WordWriter()
  /** By the number that the source has for a text, that of the piece and one; zero where it is not written. */
  #numbers = new Int32Array(4_096)
  #count = 0

  constructor(source: TextSource) {
    this.#source = source
  }

  /** @param ref its number in the source @returns its number in the piece */
  numberOf(ref: number): number {
    if (ref >= this.#numbers.length) {
      const grown = new Int32Array(Math.max(this.#numbers.length * 2, ref + 1))
      grown.set(this.#numbers)
      this.#numbers = grown
    }
    const known = this.#numbers[ref] ?? 0
    if (known > 0) return known - 1
    this.#numbers[ref] = ++this.#count
    this.#writer.textOf(this.#source, ref)
    return this.#count - 1
  }

  finish(): Int32Array<ArrayBuffer> {
    return this.#writer.finish()
  }
}

/** Reads what `NumberedTexts` wrote. @throws RangeError when it ends too early */
export function readTexts(words: Int32Array<ArrayBuffer>): string[] {
  const reader = new WordReader(words)
  const texts: string[] = []
  while (!reader.done) texts.push(reader.text())
  return texts
}
