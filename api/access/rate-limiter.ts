/** What is left of a caller's rate after a request. */
export interface RateState {
  readonly allowed: boolean
  readonly limit: number
  /** Requests left in this window. */
  readonly remaining: number
  /** Until the window ends. */
  readonly resetSeconds: number
}

interface Window {
  used: number
  endsMs: number
}

const RATE_WINDOW_SECONDS = 60

/** Counts requests per caller in windows of one minute, in this process alone. */
export class RateLimiter {
  readonly #windows = new Map<string, Window>()
  readonly #nowMs: () => number
  readonly #maxCallers: number

  /** @param maxCallers how many callers are counted at once; beyond it, the one that came first begins anew */
  constructor(nowMs: () => number, maxCallers: number) {
    this.#nowMs = nowMs
    this.#maxCallers = maxCallers
  }

  /** How many callers are counted. */
  get callers(): number {
    return this.#windows.size
  }

  /** Counts one request. @param limit requests per minute */
  take(caller: string, limit: number): RateState {
    const window = this.#windowOf(caller)
    const allowed = window.used < limit
    if (allowed) window.used += 1
    return this.#state(window, limit, allowed)
  }

  /** Whether one more would be allowed, without counting it. */
  peek(caller: string, limit: number): RateState {
    const window = this.#windowOf(caller)
    return this.#state(window, limit, window.used < limit)
  }

  #state(window: Window, limit: number, allowed: boolean): RateState {
    const resetSeconds = Math.max(1, Math.ceil((window.endsMs - this.#nowMs()) / 1_000))
    return { allowed, limit, remaining: Math.max(0, limit - window.used), resetSeconds }
  }

  #windowOf(caller: string): Window {
    const found = this.#windows.get(caller)
    if (found !== undefined && this.#nowMs() < found.endsMs) return found
    this.#windows.delete(caller)
    for (const oldest of this.#windows.keys()) {
      if (this.#windows.size < this.#maxCallers) break
      this.#windows.delete(oldest)
    }
    const fresh = { used: 0, endsMs: this.#nowMs() + RATE_WINDOW_SECONDS * 1_000 }
    this.#windows.set(caller, fresh)
    return fresh
  }
}

/** The fields of draft-ietf-httpapi-ratelimit-headers. */
export const rateHeaders = ({ limit, remaining, resetSeconds }: RateState): [string, string][] => [
  ['ratelimit-policy', `"key";q=${limit};w=${RATE_WINDOW_SECONDS}`],
  ['ratelimit', `"key";r=${remaining};t=${resetSeconds}`],
]
