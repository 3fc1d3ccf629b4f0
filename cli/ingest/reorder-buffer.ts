import { TimeOrderedQueue } from '../time-ordered-queue.js'

/**
 * Puts entries in order of time, as far as they are no further apart than a span. A server writes a line when the
 * request has ended, so a log is only roughly in order. Entries of one time keep their order.
 */
export class ReorderBuffer<T> {
  readonly #spanMs: number
  readonly #maxEntries: number
  readonly #queue = new TimeOrderedQueue<T>()
  #newestMs = Number.NEGATIVE_INFINITY

  /**
   * @param spanMs an entry is let go when one has come that is more than this newer
   * @param maxEntries beyond it the oldest is let go early
   */
  constructor(spanMs: number, maxEntries: number) {
    this.#spanMs = spanMs
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#queue.size
  }

  /** @returns the entries that are let go now, in order */
  put(atMs: number, value: T): T[] {
    this.#newestMs = Math.max(this.#newestMs, atMs)
    this.#queue.put(atMs, value)
    return this.#takeWhile((oldestMs) => oldestMs < this.#newestMs - this.#spanMs || this.size > this.#maxEntries)
  }

  /** @returns all that is held, in order */
  flush(): T[] {
    return this.#takeWhile(() => true)
  }

  #takeWhile(isDue: (oldestMs: number) => boolean): T[] {
    const taken: T[] = []
    for (let oldest = this.#queue.nextAtMs; oldest !== undefined && isDue(oldest); oldest = this.#queue.nextAtMs) {
      const entry = this.#queue.take()
      if (entry) taken.push(entry.value)
    }
    return taken
  }
}
