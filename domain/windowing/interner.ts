/**
 * Gives each distinct string a small number while somebody holds it. Strings that nobody holds any more are forgotten,
 * so that memory follows what is live and not what was ever seen.
 */
export class Interner {
  readonly #refs = new Map<string, number>()
  readonly #texts: (string | undefined)[] = []
  readonly #free: number[] = []
  #holders = new Int32Array(1_024)

  get size(): number {
    return this.#refs.size
  }

  /** The number of a string that is held, or -1. */
  find(text: string): number {
    return this.#refs.get(text) ?? -1
  }

  /** Takes one hold on a string. Every hold must be given back by `release`. */
  hold(text: string): number {
    const known = this.#refs.get(text)
    if (known !== undefined) {
      this.retain(known)
      return known
    }
    const ref = this.#free.pop() ?? this.#texts.length
    if (ref >= this.#holders.length) {
      const grown = new Int32Array(this.#holders.length * 2)
      grown.set(this.#holders)
      this.#holders = grown
    }
    this.#texts[ref] = text
    this.#holders[ref] = 1
    this.#refs.set(text, ref)
    return ref
  }

  /** Takes one more hold on a number that is already held. */
  retain(ref: number): void {
    this.#holders[ref] = (this.#holders[ref] ?? 0) + 1
  }

  release(ref: number): void {
    const left = (this.#holders[ref] ?? 0) - 1
    this.#holders[ref] = left
    if (left > 0) return
    this.#refs.delete(this.textOf(ref))
    this.#texts[ref] = undefined
    this.#free.push(ref)
  }

  /** @throws RangeError for a number that nobody holds */
  textOf(ref: number): string {
    const text = this.#texts[ref]
    if (text === undefined) throw new RangeError(`no string is held under ${ref}`)
    return text
  }
}
