/**
 * Remembers for a moment which tag an address had for a role, so that callers who ask again and again for what they have
 * are answered without the database.
 */
export class RememberedTags {
  readonly #nowMs: () => number
  readonly #keptMs: number
  readonly #maxKept: number
  #generation = 0
  #tags = new Map<string, { readonly etag: string; readonly untilMs: number }>()

  /** @param keptMs so long an answer of "not modified" may be behind @param maxKept how many addresses at once */
  constructor(nowMs: () => number, keptMs: number, maxKept: number) {
    this.#nowMs = nowMs
    this.#keptMs = keptMs
    this.#maxKept = maxKept
  }

  /** How many addresses are remembered. */
  get kept(): number {
    return this.#tags.size
  }

  find(key: string): string | undefined {
    const found = this.#tags.get(key)
    return found !== undefined && this.#nowMs() < found.untilMs ? found.etag : undefined
  }

  /** To be asked for before the content is read, and given with its tag. */
  begin(): { readonly sinceMs: number; readonly generation: number } {
    return { sinceMs: this.#nowMs(), generation: this.#generation }
  }

  /** What was read before a change is not kept. */
  keep(key: string, etag: string, { sinceMs, generation }: ReturnType<RememberedTags['begin']>): void {
    if (generation !== this.#generation) return
    this.#tags.delete(key)
    for (const oldest of this.#tags.keys()) {
      if (this.#tags.size < this.#maxKept) break
      this.#tags.delete(oldest)
    }
    this.#tags.set(key, { etag, untilMs: sinceMs + this.#keptMs })
  }

  /** After a change made here nothing is known any more. */
  clear(): void {
    this.#generation += 1
    this.#tags.clear()
  }
}
