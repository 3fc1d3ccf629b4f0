import type { Logger } from '../../platform/logger.js'
import type { AuditEntry } from '../../db/stores/audit.js'

export type Denial = Omit<AuditEntry, 'outcome'>

const FLUSH_MS = 250
const PER_WRITE = 100

/**
 * Writes denied attempts to the audit log, a few at a time beside the requests, so that a storm of them costs a bounded
 * number of transactions. What does not fit in the queue is counted, and the count is recorded.
 */
export class DenialRecorder {
  readonly #record: (denials: readonly Denial[]) => Promise<void>
  readonly #log: Logger
  readonly #maxQueued: number
  #queue: Denial[] = []
  #unrecorded = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(record: (denials: readonly Denial[]) => Promise<void>, log: Logger, maxQueued: number) {
    this.#record = record
    this.#log = log
    this.#maxQueued = maxQueued
  }

  get queued(): number {
    return this.#queue.length
  }

  add(denial: Denial): void {
    if (this.#queue.length >= this.#maxQueued) this.#unrecorded += 1
    else this.#queue.push(denial)
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  /** Writes what is queued. Never fails: what cannot be written now is tried again with the next. */
  async flush(): Promise<void> {
    this.#flush()
    await this.#writing
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0 || this.#unrecorded > 0) {
      const batch = this.#queue.splice(0, PER_WRITE)
      const left = this.#queue.length === 0 ? this.#unrecorded : 0
      const summary = left > 0 ? [summaryOf(left)] : []
      try {
        await this.#record([...batch, ...summary])
        this.#unrecorded -= left
      } catch (err) {
        this.#log.warn({ err, denials: batch.length }, 'denials_not_recorded')
        this.#queue.unshift(...batch)
        this.#timer ??= setTimeout(() => this.#flush(), 10 * FLUSH_MS).unref()
        return
      }
    }
  }
}

const summaryOf = (count: number): Denial => ({
  actor: 'system',
  actorName: 'api',
  requestId: '-',
  action: 'denials.unrecorded',
  target: 'api',
  before: null,
  after: { count },
})
