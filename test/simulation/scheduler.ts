import { SeededRandom } from '../../cli/simulate/seeded-random.js'

interface Step {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
  isCancelled: boolean
}

/** What is waiting runs one after the other in virtual time: one seed determines everything. */
export class Scheduler {
  readonly random: SeededRandom
  readonly timeline: string[] = []
  /** Latest first; of one moment, the one that was asked for first is last. */
  readonly #steps: Step[] = []
  #order = 0
  #nowMs = 0

  constructor(seed: number) {
    this.random = new SeededRandom(seed, 1)
  }

  get nowMs(): number {
    return this.#nowMs
  }

  say(what: string): void {
    this.timeline.push(`${String(this.#nowMs).padStart(7)} ms  ${what}`)
  }

  /** @returns cancels it */
  after(ms: number, run: () => void): () => void {
    const step = { atMs: this.#nowMs + ms, order: this.#order++, run, isCancelled: false }
    let [low, high] = [0, this.#steps.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#steps[middle]?.atMs ?? 0) > step.atMs) low = middle + 1
      else high = middle
    }
    this.#steps.splice(low, 0, step)
    return () => (step.isCancelled = true)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /** Runs until `isDone`, or until virtual time is up. @returns whether it was done */
  async run(untilMs: number, isDone: () => boolean): Promise<boolean> {
    while (this.#nowMs < untilMs) {
      if (isDone()) return true
      const next = this.#steps.pop()
      if (next === undefined) return isDone()
      if (next.isCancelled) continue
      this.#nowMs = next.atMs
      next.run()
      await new Promise((resolve) => setImmediate(resolve)) // promises that are settled now continue first
    }
    return isDone()
  }
}
