import { messageOf } from './message-of.js'
import { withDeadline } from './resilience/deadline.js'

/** A started part: its value, and how to stop it. */
export interface Part<T> {
  readonly value: T
  readonly stop: () => Promise<void>
}

interface Started {
  readonly name: string
  readonly stop: () => Promise<void>
}

/**
 * Starts the parts of a process in order and stops them in reverse. A start that fails stops what was started before
 * it; a stop that fails does not keep the others from stopping.
 */
export class Lifecycle {
  readonly #started: Started[] = []

  /** Starts one part. @throws whatever `start` throws, after every earlier part has been stopped. */
  async use<T>(name: string, start: () => Promise<Part<T>>): Promise<T> {
    try {
      const part = await start()
      this.#started.push({ name, stop: part.stop })
      return part.value
    } catch (cause) {
      const rollback = await this.stop().then(
        () => [],
        (error: unknown) => [error],
      )
      throw new Error(`${name} did not start: ${messageOf(cause)}`, {
        cause: rollback.length === 0 ? cause : new AggregateError([cause, ...rollback]),
      })
    }
  }

  /**
   * Stops all parts, newest first.
   * @param deadlineMs how long all of it may take; without it, as long as it takes
   * @throws AggregateError of every stop that failed or had not ended at the deadline
   */
  async stop(deadlineMs = Number.POSITIVE_INFINITY): Promise<void> {
    const endsAt = performance.now() + deadlineMs
    const failures: unknown[] = []
    for (let part = this.#started.pop(); part; part = this.#started.pop()) {
      try {
        await stopWithin(endsAt - performance.now(), part)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `shutdown incomplete: ${failures.map(messageOf).join('; ')}`)
  }
}

/** Also past the deadline a part is told to stop. */
const stopWithin = (leftMs: number, { name, stop }: Started): Promise<void> =>
  leftMs === Number.POSITIVE_INFINITY
    ? stop()
    : withDeadline(stop, Math.max(0, leftMs), () => new Error(`${name} had not stopped at the deadline`))
