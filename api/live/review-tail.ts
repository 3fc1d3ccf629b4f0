/** A verdict, or a change of the allowlist, as text that is sent to every client. */
export interface Review {
  /** Of its audit record. */
  readonly seq: number
  readonly event: 'verdict' | 'allowlist'
  /** JSON. */
  readonly data: string
  /** Of the anomaly that a verdict is on. */
  readonly ruleId?: string
  readonly mode?: string
}

export interface ReviewSource {
  /** The seq of the last audit record. */
  readonly head: () => Promise<number>
  /** The next reviews behind a seq, in order, and how far was looked: the same seq when there is nothing yet. */
  readonly read: (after: number) => Promise<{ readonly reviews: readonly Review[]; readonly upTo: number }>
  /** Told when it could not be read: it is tried again. */
  readonly onError: (error: unknown) => void
}

type OnReview = (review: Review) => void

/** Asks once for all clients of this process what was said of anomalies, as long as there is one. */
export class ReviewTail {
  readonly #source: ReviewSource
  readonly #pollMs: number
  readonly #subscribers = new Set<OnReview>()
  #position = 0
  #timer: NodeJS.Timeout | undefined

  constructor(source: ReviewSource, pollMs: number) {
    this.#source = source
    this.#pollMs = pollMs
  }

  /** To be called before a client begins. @returns the seq of the last audit record @throws when nobody can tell */
  async begin(): Promise<number> {
    const head = await this.#source.head()
    if (this.#subscribers.size === 0) this.#position = head
    return head
  }

  /** Every review from now on comes to the subscriber. @returns where "now" is */
  subscribe(onReview: OnReview): number {
    this.#subscribers.add(onReview)
    this.#schedule()
    return this.#position
  }

  unsubscribe(onReview: OnReview): void {
    this.#subscribers.delete(onReview)
    if (this.#subscribers.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** The reviews of a part of the log. */
  async *between(after: number, last: number): AsyncGenerator<Review> {
    for (let from = after; from < last;) {
      const { reviews, upTo } = await this.#source.read(from)
      for (const review of reviews) if (review.seq <= last) yield review
      if (upTo === from) return
      from = upTo
    }
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#poll(), this.#pollMs).unref()
  }

  /** What cannot be read now comes later: the position stays. */
  async #poll(): Promise<void> {
    const from = this.#position
    const found = await this.#source.read(from).catch((error: unknown) => this.#source.onError(error))
    this.#timer = undefined
    if (this.#subscribers.size === 0) return
    if (found !== undefined && this.#position === from) {
      this.#position = found.upTo
      for (const review of found.reviews) for (const onReview of this.#subscribers) onReview(review)
    }
    this.#schedule()
  }
}
