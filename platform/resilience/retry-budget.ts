import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, Gauge, type Registry } from '../metrics.js'

export interface RetryBudgetSettings {
  /** Of a hundred calls, so many may be repeated in the long run. */
  readonly percent: number
  /** Repetitions that may be made at once after a time without any. */
  readonly burst: number
}

const MAX_ATTEMPTS = 3
const FIRST_PAUSE_MS = 20

/**
 * Bounds the repetitions of all calls together: each call earns a part of one, so that a server that is in trouble gets a few
 * calls more than it would, and not a multiple of them.
 */
export class RetryBudget {
  readonly #settings: RetryBudgetSettings
  readonly #dependency: string
  readonly #retries: Counter
  #left: number

  constructor(dependency: string, settings: RetryBudgetSettings, registry: Registry) {
    this.#dependency = dependency
    this.#settings = settings
    this.#left = settings.burst
    this.#retries = new Counter({
      name: 'guardian_retries_total',
      help: 'Repetitions of calls that failed: made, or refused because the budget is spent',
      labelNames: ['dependency', 'outcome'],
      registers: [registry],
    })
    const left = () => this.#left
    new Gauge({
      name: 'guardian_retry_budget_left',
      help: 'Repetitions that may be made at once now',
      labelNames: ['dependency'],
      registers: [registry],
      collect() {
        this.set({ dependency }, left())
      },
    })
  }

  /**
   * Makes a call that may be repeated without harm, up to three times, after growing pauses with jitter, while the budget lasts.
   * @param isPassing whether an error is worth another attempt
   * @throws what the last attempt threw
   */
  async execute<T>(call: () => Promise<T>, isPassing: (error: unknown) => boolean): Promise<T> {
    this.#left = Math.min(this.#settings.burst, this.#left + this.#settings.percent / 100)
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call()
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isPassing(error) || !this.#take()) throw error
        await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()))
      }
    }
  }

  #take(): boolean {
    const isThere = this.#left >= 1
    if (isThere) this.#left -= 1
    this.#retries.inc({ dependency: this.#dependency, outcome: isThere ? 'made' : 'refused' })
    return isThere
  }
}
