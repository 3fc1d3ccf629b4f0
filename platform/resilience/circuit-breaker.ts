import type { Logger } from '../logger.js'
import { Counter, Gauge, type Registry } from '../metrics.js'

const CIRCUIT_STATES = ['closed', 'open', 'half_open'] as const
export type CircuitState = (typeof CIRCUIT_STATES)[number]

export interface BreakerSettings {
  /** Consecutive failures that open it. */
  readonly failures: number
  /** How long it stays open before it lets one attempt at a time through. */
  readonly pauseMs: number
  /** Consecutive successes that close it again. */
  readonly successes: number
}

/** The settings that all circuits of a process have. */
export const breakerSettings = (
  config: Readonly<Record<'BREAKER_FAILURES' | 'BREAKER_PAUSE_MS' | 'BREAKER_SUCCESSES', number>>,
): BreakerSettings => ({
  failures: config.BREAKER_FAILURES,
  pauseMs: config.BREAKER_PAUSE_MS,
  successes: config.BREAKER_SUCCESSES,
})

/** The call was not made, because those before it failed. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError'
  readonly code = 'CIRCUIT_OPEN'

  constructor(
    readonly dependency: string,
    /** When an attempt will be let through. */
    readonly retryAfterMs: number,
  ) {
    super(`${dependency} does not answer: no further attempt for ${retryAfterMs} ms`)
  }
}

/** What all breakers of a process share. */
export interface BreakerContext {
  readonly settings: BreakerSettings
  /** A clock that never goes back. */
  readonly nowMs: () => number
  readonly log: Logger
  readonly metrics: BreakerMetrics
  /** Told of every change of state. It must not throw. */
  readonly onChange?: (dependency: string, state: CircuitState) => void
}

export type BreakerMetrics = ReturnType<typeof createBreakerMetrics>

/** The metrics of all circuits of a process, by dependency. */
export const createBreakerMetrics = (registry: Registry) => ({
  state: new Gauge({
    name: 'guardian_circuit_state',
    help: '1 for the state that the circuit to a dependency is in',
    labelNames: ['dependency', 'state'],
    registers: [registry],
  }),
  transitions: new Counter({
    name: 'guardian_circuit_transitions_total',
    help: 'Changes of state, by the state that came of it',
    labelNames: ['dependency', 'to'],
    registers: [registry],
  }),
  refused: new Counter({
    name: 'guardian_circuit_refused_total',
    help: 'Calls that were not made because the circuit was open',
    labelNames: ['dependency'],
    registers: [registry],
  }),
})

/**
 * Stops asking a dependency that does not answer: closed → open after consecutive failures → half-open after a pause, one
 * attempt at a time → closed after consecutive successes, or open again at the first failure. What a call comes to counts for
 * the state that it was begun in: one that hung since before the circuit opened says nothing of how things are now. An
 * attempt that has not ended within another pause does not keep the next one waiting.
 */
export class CircuitBreaker {
  #state: CircuitState = 'closed'
  #failures = 0
  #successes = 0
  #openUntilMs = 0
  /** Until when a half-open circuit waits for the attempt that it has let through. */
  #tryingUntilMs = 0
  /** Changes of state so far. */
  #changes = 0
  readonly #isFailure: (error: unknown) => boolean
  readonly #context: BreakerContext

  /** @param isFailure tells a dependency that does not answer, or too late, from one that answers with a refusal */
  constructor(
    readonly dependency: string,
    isFailure: (error: unknown) => boolean,
    context: BreakerContext,
  ) {
    this.#isFailure = isFailure
    this.#context = context
    this.#show()
  }

  get state(): CircuitState {
    return this.#state
  }

  /** Makes a call, or refuses it at once. @throws CircuitOpenError; whatever `call` throws */
  async execute<T>(call: () => Promise<T>): Promise<T> {
    this.#admit()
    const begun = this.#changes
    try {
      const result = await call()
      this.#succeeded(begun)
      return result
    } catch (error) {
      if (this.#isFailure(error)) this.#failed(begun, error)
      else this.#succeeded(begun) // it has answered
      throw error
    }
  }

  /** Counts a call that is made whatever the state, as part of one that was let through. */
  async observe<T>(call: () => Promise<T>): Promise<T> {
    const begun = this.#changes
    try {
      return await call()
    } catch (error) {
      if (this.#isFailure(error)) this.#failed(begun, error)
      throw error
    }
  }

  /** Why a call would be refused now, for who prepares one; counted as refused. @returns undefined when it would be made */
  refusal(): CircuitOpenError | undefined {
    const nowMs = this.#context.nowMs()
    const leftMs = this.#openUntilMs - nowMs
    if (this.#state === 'closed') return undefined
    if (this.#state === 'open' ? leftMs <= 0 : nowMs >= this.#tryingUntilMs) return undefined
    this.#context.metrics.refused.inc({ dependency: this.dependency })
    return new CircuitOpenError(this.dependency, Math.max(leftMs, 1_000))
  }

  #admit(): void {
    const refusal = this.refusal()
    if (refusal !== undefined) throw refusal
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#become('half_open')
    this.#tryingUntilMs = this.#context.nowMs() + this.#context.settings.pauseMs
  }

  #succeeded(begun: number): void {
    if (begun !== this.#changes) return
    this.#failures = 0
    this.#tryingUntilMs = 0
    if (this.#state !== 'half_open') return
    this.#successes += 1
    if (this.#successes >= this.#context.settings.successes) this.#become('closed')
  }

  #failed(begun: number, error: unknown): void {
    if (begun !== this.#changes || this.#state === 'open') return
    this.#failures += 1
    if (this.#state !== 'half_open' && this.#failures < this.#context.settings.failures) return
    this.#openUntilMs = this.#context.nowMs() + this.#context.settings.pauseMs
    this.#become('open', error)
  }

  #become(state: CircuitState, err?: unknown): void {
    const before = this.#state
    this.#state = state
    this.#changes += 1
    this.#successes = 0
    this.#tryingUntilMs = 0
    if (state === 'closed') this.#failures = 0
    this.#context.metrics.transitions.inc({ dependency: this.dependency, to: state })
    this.#show()
    const line = { dependency: this.dependency, before, state, ...(err === undefined ? {} : { err }) }
    if (state === 'open') this.#context.log.warn(line, 'circuit_opened')
    else this.#context.log.info(line, state === 'closed' ? 'circuit_closed' : 'circuit_half_open')
    this.#context.onChange?.(this.dependency, state)
  }

  #show(): void {
    for (const state of CIRCUIT_STATES)
      this.#context.metrics.state.set({ dependency: this.dependency, state }, state === this.#state ? 1 : 0)
  }
}
