import { NONE } from './pane-layout.js'
import type { Text } from '../text.js'
import { TextTable } from './text-table.js'

/** Gives each key a small number while it has panes, and keeps the first of its panes and the events in all of them. */
export class KeyTable {
  readonly #keys = new TextTable()
  #heads = new Int32Array(1_024)
  #totals = new Int32Array(1_024)

  get size(): number {
    return this.#keys.size
  }

  get bytes(): number {
    return this.#heads.byteLength + this.#totals.byteLength + this.#keys.bytes
  }

  /** The number of a key, or -1. */
  find(text: Text): number {
    return this.#keys.find(text)
  }

  /** The number of a key, a new one when it has none. */
  use(text: Text): number {
    const known = this.#keys.find(text)
    return known === NONE ? this.#add(text) : known
  }

  /** @throws RangeError for a number that no key has */
  textOf(key: number): string {
    return this.#keys.textOf(key)
  }

  /** The slot of the key's first pane, or -1. */
  headOf(key: number): number {
    return this.#heads[key] ?? NONE
  }

  setHead(key: number, slot: number): void {
    this.#heads[key] = slot
  }

  totalOf(key: number): number {
    return this.#totals[key] ?? 0
  }

  /** @returns the total after it */
  addToTotal(key: number, events: number): number {
    const total = this.totalOf(key) + events
    this.#totals[key] = total
    return total
  }

  drop(key: number): void {
    this.#keys.remove(key)
  }

  #add(text: Text): number {
    const key = this.#keys.add(text)
    if (key >= this.#heads.length) {
      this.#heads = grown(this.#heads)
      this.#totals = grown(this.#totals)
    }
    this.#heads[key] = NONE
    this.#totals[key] = 0
    return key
  }
}

/** The same numbers in an array of twice the length. */
export function grown(old: Int32Array): Int32Array<ArrayBuffer> {
  const next = new Int32Array(old.length * 2)
  next.set(old)
  return next
}
