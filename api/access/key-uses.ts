import type { Logger } from '../../platform/logger.js'

/** Remembers which keys were used and writes it down now and then: a request never waits for it. */
export class KeyUses {
  readonly #record: (uses: ReadonlyMap<string, Date>) => Promise<void>
  readonly #nowMs: () => number
  readonly #log: Logger
  #uses = new Map<string, Date>()

  constructor(record: (uses: ReadonlyMap<string, Date>) => Promise<void>, nowMs: () => number, log: Logger) {
    this.#record = record
    this.#nowMs = nowMs
    this.#log = log
  }

  note(keyId: string): void {
    this.#uses.set(keyId, new Date(this.#nowMs()))
  }

  /** Never fails: when a key was last used is worth no failure, and the next use tells it again. */
  async flush(): Promise<void> {
    const uses = this.#uses
    this.#uses = new Map()
    await this.#record(uses).catch((err: unknown) => this.#log.warn({ err, keys: uses.size }, 'key_uses_not_recorded'))
  }
}
