import type { TextSource } from '../../windowing/text-table.js'
import { ByteReader, ByteWriter } from './bytes.js'

/** The texts that a piece refers to by number: each is written once, however often it is used. */
export class NumberedTexts {
  readonly #source: TextSource
  readonly #writer = new ByteWriter()
  #isWritten = new Uint8Array(4_096)

  constructor(source: TextSource) {
    this.#source = source
  }

  use(ref: number): void {
    if (ref >= this.#isWritten.length) {
      const grown = new Uint8Array(Math.max(this.#isWritten.length * 2, ref + 1))
      grown.set(this.#isWritten)
      this.#isWritten = grown
    }
    if (this.#isWritten[ref] === 1) return
    this.#isWritten[ref] = 1
    this.#writer.i32(ref)
    this.#writer.textOf(this.#source, ref)
  }

  finish(): Uint8Array {
    return this.#writer.finish()
  }
}

/** Reads what `NumberedTexts` wrote. @throws RangeError when it ends too early */
export function readTexts(bytes: Uint8Array): Map<number, string> {
  const reader = new ByteReader(bytes)
  const texts = new Map<number, string>()
  while (!reader.done) texts.set(reader.i32(), reader.text())
  return texts
}
