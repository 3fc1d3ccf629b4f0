import { TimeOrderedQueue } from '../time-ordered-queue.js'

/**
 * Puts entries in order of time, as far as they are no further apart than a span. A server writes a line when the
 * request has ended, so a log is only roughly in order. Entries of one time keep their order.
 */
export class ReorderBuffer<T> {
  readonly #spanMs: number
  readonly #maxEntries: number
  readonly #queue = new TimeOrderedQueue<T>()

  /**
   * @param spanMs an entry is let go when all logs have been read to a time that is more than this newer
   * @param maxEntries beyond it the oldest is let go early
   */
  constructor(spanMs: number, maxEntries: number) {
    this.#spanMs = spanMs
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#queue.size
  }

  put(atMs: number, value: T): void {
    this.#queue.put(atMs, value)
  }

  /**
   * Gives the entries that are let go now, in order.
   * @param newestMs up to which every log has been read
   */
  takeDue(newestMs: number, give: (atMs: number, value: T) => void): void {
    const untilMs = newestMs - this.#spanMs
    for (
      let oldestMs = this.#queue.nextAtMs;
      oldestMs !== undefined && (oldestMs < untilMs || this.size > this.#maxEntries);
      oldestMs = this.#queue.nextAtMs
    )
      this.#give(give)
  }

  /** Gives all that is held, in order. */
  flush(give: (atMs: number, value: T) => void): void {
    while (this.size > 0) this.#give(give)
  }

  #give(give: (atMs: number, value: T) => void): void {
    const entry = this.#queue.take()
    if (entry) give(entry.atMs, entry.value)
  }
}
