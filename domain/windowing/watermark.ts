/**
 * Event time up to which one partition of the log is taken as complete. It follows the highest event time accepted,
 * but never runs ahead of the log append time, so that a client whose clock is fast does not make all others late.
 * It never goes back.
 */
export class Watermark {
  readonly #allowedLatenessMs: number
  #ms: number

  constructor(allowedLatenessMs: number, ms = Number.NEGATIVE_INFINITY) {
    this.#allowedLatenessMs = allowedLatenessMs
    this.#ms = ms
  }

  /** Milliseconds since the epoch; minus infinity before the first event. */
  get ms(): number {
    return this.#ms
  }

  isLate(eventMs: number): boolean {
    return eventMs < this.#ms
  }

  /** @returns whether it moved */
  accept(eventMs: number, appendMs: number): boolean {
    const next = (eventMs < appendMs ? eventMs : appendMs) - this.#allowedLatenessMs
    if (next <= this.#ms) return false
    this.#ms = next
    return true
  }
}
