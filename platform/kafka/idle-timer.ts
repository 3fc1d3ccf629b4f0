/** Tells, once, that nothing has come for a time. The time does not run while what has come is dealt with. */
export class IdleTimer {
  readonly #timeoutMs: number
  readonly #onIdle: () => void
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  /** Begins at once. */
  constructor(timeoutMs: number, onIdle: () => void) {
    this.#timeoutMs = timeoutMs
    this.#onIdle = onIdle
    this.#begin()
  }

  /** Something has come; the time begins anew when `work` is done with it. @throws what `work` throws */
  async during(work: () => Promise<void>): Promise<void> {
    clearTimeout(this.#timer)
    try {
      await work()
    } finally {
      this.#begin()
    }
  }

  stop(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  #begin(): void {
    if (!this.#isOver) this.#timer = setTimeout(this.#onIdle, this.#timeoutMs)
  }
}
