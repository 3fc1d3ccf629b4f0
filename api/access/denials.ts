import { monotonicMs } from '../../platform/clock.js'
import type { Logger } from '../../platform/logger.js'
import type { AuditEntry } from '../../db/stores/audit.js'

/** A denied attempt; `actor` is `unknown` for a caller without a known key, and `actorName` then its address. */
export type Denial = Omit<AuditEntry, 'outcome' | 'after'> & { readonly after: { readonly reason: string } }

const FLUSH_MS = 250
const PER_WRITE = 100
const MINUTE_MS = 60_000

interface Counted {
  readonly denial: Denial
  attempts: number
}

/**
 * Writes denied attempts to the audit log, beside the requests. Attempts of one caller for one reason in one minute are one
 * entry with their number, so that a client with a made-up key cannot fill a table from which nothing is deleted. Callers
 * beyond the limit are only counted, and the count is recorded.
 */
export class DenialRecorder {
  readonly #record: (denials: readonly Omit<AuditEntry, 'outcome'>[]) => Promise<void>
  readonly #log: Logger
  readonly #maxQueued: number
  readonly #nowMs: () => number
  readonly #waiting = new Map<string, Counted>()
  /** When each caller was written last: its next entry comes a minute later. */
  readonly #writtenMs = new Map<string, number>()
  #unrecorded = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(
    record: (denials: readonly Omit<AuditEntry, 'outcome'>[]) => Promise<void>,
    log: Logger,
    maxQueued: number,
    nowMs = monotonicMs,
  ) {
    this.#record = record
    this.#log = log
    this.#maxQueued = maxQueued
    this.#nowMs = nowMs
  }

  /** Callers and reasons that wait to be written. */
  get queued(): number {
    return this.#waiting.size
  }

  add(denial: Denial): void {
    const key = keyOf(denial)
    const waiting = this.#waiting.get(key)
    if (waiting) waiting.attempts++
    else if (this.#waiting.size >= this.#maxQueued) this.#unrecorded++
    else this.#waiting.set(key, { denial, attempts: 1 })
    this.#timer ??= setTimeout(() => this.#flush(false), FLUSH_MS).unref()
  }

  /** Writes all that waits. Never fails: what cannot be written now is tried again with the next. */
  async flush(): Promise<void> {
    this.#flush(true)
    await this.#writing
  }

  #flush(isLast: boolean): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write(isLast))
  }

  async #write(isLast: boolean): Promise<void> {
    const dueMs = this.#nowMs() - MINUTE_MS
    for (const [key, atMs] of this.#writtenMs) if (atMs <= dueMs) this.#writtenMs.delete(key)
    const due = [...this.#waiting].filter(([key]) => isLast || !this.#writtenMs.has(key))
    for (const [key] of due) this.#waiting.delete(key)
    try {
      while (due.length > 0 || this.#unrecorded > 0) {
        const some = due.slice(0, PER_WRITE)
        const left = due.length <= PER_WRITE ? this.#unrecorded : 0
        await this.#record([...some.map(([, counted]) => entryOf(counted)), ...(left > 0 ? [summaryOf(left)] : [])])
        this.#unrecorded -= left
        for (const [key] of due.splice(0, some.length)) this.#writtenMs.set(key, this.#nowMs())
      }
    } catch (err) {
      this.#log.warn({ err, denials: due.length }, 'denials_not_recorded')
      for (const [key, { denial, attempts }] of due) {
        const waiting = this.#waiting.get(key)
        if (waiting) waiting.attempts += attempts
        else this.#waiting.set(key, { denial, attempts })
      }
    }
    if (this.#waiting.size > 0 && !isLast) this.#timer ??= setTimeout(() => this.#flush(false), 10 * FLUSH_MS).unref()
  }
}

/** Unknown callers choose their paths, too: only their address and the reason count. */
const keyOf = ({ actor, actorName, action, after: { reason } }: Denial): string =>
  JSON.stringify(actor === 'unknown' ? [actorName, reason] : [actor, reason, action])

const entryOf = ({ denial, attempts }: Counted): Omit<AuditEntry, 'outcome'> =>
  attempts === 1 ? denial : { ...denial, after: { ...denial.after, attempts } }

const summaryOf = (count: number): Omit<AuditEntry, 'outcome'> => ({
  actor: 'system',
  actorName: 'api',
  requestId: '-',
  action: 'denials.unrecorded',
  target: 'api',
  before: null,
  after: { count },
})
