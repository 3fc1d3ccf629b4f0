import { NONE } from './pane-layout.js'

/** Gives each key a small number while it has panes, and keeps the first of its panes and the events in all of them. */
export class KeyTable {
  readonly #keys = new Map<string, number>()
  readonly #texts: (string | undefined)[] = []
  readonly #free: number[] = []
  #heads = new Int32Array(1_024)
  #totals = new Int32Array(1_024)

  get size(): number {
    return this.#keys.size
  }

  get bytes(): number {
    return this.#heads.byteLength + this.#totals.byteLength
  }

  /** The number of a key, or -1. */
  find(text: string): number {
    return this.#keys.get(text) ?? NONE
  }

  /** The number of a key, a new one when it has none. */
  use(text: string): number {
    return this.#keys.get(text) ?? this.#add(text)
  }

  /** @throws RangeError for a number that no key has */
  textOf(key: number): string {
    const text = this.#texts[key]
    if (text === undefined) throw new RangeError(`no key ${key}`)
    return text
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
    this.#keys.delete(this.textOf(key))
    this.#texts[key] = undefined
    this.#free.push(key)
  }

  #add(text: string): number {
    const key = this.#free.pop() ?? this.#texts.length
    if (key >= this.#heads.length) {
      this.#heads = grown(this.#heads)
      this.#totals = grown(this.#totals)
    }
    this.#keys.set(text, key)
    this.#texts[key] = text
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
