import type { Text } from '../text.js'
import { TextTable, type TextSource } from './text-table.js'

/**
 * Gives each distinct text a small number while somebody holds it. Texts that nobody holds any more are forgotten, so
 * that memory follows what is live and not what was ever seen.
 */
export class Interner implements TextSource {
  /** With each text, how many hold it. */
  readonly #table = new TextTable()

  get size(): number {
    return this.#table.size
  }

  get bytes(): number {
    return this.#table.bytes
  }

  /** The number of a text that is held, or -1. */
  find(text: Text): number {
    return this.#table.find(text)
  }

  /** Takes one hold on a text. Every hold must be given back by `release`. */
  hold(text: Text): number {
    const known = this.#table.find(text)
    return known < 0 ? this.holdNew(text) : this.retain(known)
  }

  /** Takes the first hold on a text that `find` did not find. */
  holdNew(text: Text): number {
    return this.retain(this.#table.add(text))
  }

  /** Takes one more hold on a number that is already held. @returns the number */
  retain(ref: number): number {
    this.#table.setFirst(ref, this.#table.first(ref) + 1)
    return ref
  }

  release(ref: number): void {
    const left = this.#table.first(ref) - 1
    if (left <= 0) this.#table.remove(ref)
    else this.#table.setFirst(ref, left)
  }

  /** @throws RangeError for a number that nobody holds */
  textOf(ref: number): string {
    return this.#table.textOf(ref)
  }

  copyWords(ref: number, into: Int32Array, at: number): number {
    return this.#table.copyWords(ref, into, at)
  }

  /** Whether the text of a number is this one. @throws RangeError for a number that nobody holds */
  isText(ref: number, text: Text): boolean {
    return this.#table.isText(ref, text)
  }
}
