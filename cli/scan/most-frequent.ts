/**
 * Counts how often each text comes, exactly while there are few enough different ones, and with a bounded error beyond:
 * the Space-Saving counts of Metwally, Agrawal and El Abbadi (2005), pruned in bulk.
 */
export class MostFrequent {
  readonly #capacity: number
  readonly #counts = new Map<string, number>()
  /** No text that was forgotten came more often than this. */
  #error = 0

  /** @param capacity texts that are counted at most */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** By how much a count may be too high; 0 when all are exact. */
  get error(): number {
    return this.#error
  }

  /** How many different texts are counted; a lower bound when counts are not exact. */
  get size(): number {
    return this.#counts.size
  }

  add(text: string): void {
    const count = this.#counts.get(text)
    if (count === undefined && this.#counts.size >= this.#capacity) this.#prune()
    this.#counts.set(text, (count ?? this.#error) + 1)
  }

  /** The texts that came most often, most first. */
  top(most: number): (readonly [string, number])[] {
    return [...this.#counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, most)
  }

  /** Forgets the half that came least often. */
  #prune(): void {
    const ordered = [...this.#counts.values()].sort((a, b) => a - b)
    this.#error = Math.max(this.#error, ordered[Math.floor(ordered.length / 2)] ?? 0)
    for (const [text, count] of this.#counts) if (count <= this.#error) this.#counts.delete(text)
  }
}
