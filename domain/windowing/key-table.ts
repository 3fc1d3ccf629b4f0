import { NONE } from './pane-layout.js'
import type { Text } from '../text.js'
import { TextTable, type TextSource } from './text-table.js'

/** Gives each key a small number while it has panes, and keeps its newest pane and the events in all of them. */
export class KeyTable implements TextSource {
  /** With each key, the slot of its newest pane, and its events. */
  readonly #keys = new TextTable()

  get size(): number {
    return this.#keys.size
  }

  get bytes(): number {
    return this.#keys.bytes
  }

  /** The number of a key, or -1. */
  find(text: Text): number {
    return this.#keys.find(text)
  }

  /** The number of a key, a new one when it has none. */
  use(text: Text): number {
    const known = this.#keys.find(text)
    if (known !== NONE) return known
    const key = this.#keys.add(text)
    this.#keys.setFirst(key, NONE)
    return key
  }

  /** @throws RangeError for a number that no key has */
  textOf(key: number): string {
    return this.#keys.textOf(key)
  }

  copyWords(key: number, into: Int32Array, at: number): number {
    return this.#keys.copyWords(key, into, at)
  }

  /** The slot of the key's newest pane, or -1. */
  newestOf(key: number): number {
    return this.#keys.first(key)
  }

  setNewest(key: number, slot: number): void {
    this.#keys.setFirst(key, slot)
  }

  totalOf(key: number): number {
    return this.#keys.second(key)
  }

  /** @returns the total after it */
  addToTotal(key: number, events: number): number {
    const total = this.#keys.second(key) + events
    this.#keys.setSecond(key, total)
    return total
  }

  drop(key: number): void {
    this.#keys.remove(key)
  }
}
