import type { Writable } from 'node:stream'
import { drained } from '../drained.js'
import type { Change } from './change-tail.js'
import { placeText, type Place } from './position.js'
import type { Review } from './review-tail.js'

/** Why a client was sent away. A closed list: it is a metric label. */
export const END_REASONS = ['gone', 'slow', 'access', 'feed'] as const
export type EndReason = (typeof END_REASONS)[number]

export interface StreamFilter {
  readonly rule?: string | undefined
  readonly mode?: string | undefined
}

/**
 * One client of the stream: what is sent to it, in order, and where it is. A client that does not take what is sent is let
 * go when more than `maxBytes` wait for it: it comes back with the last id that it has seen.
 */
export class StreamClient {
  readonly #out: Writable
  readonly #filter: StreamFilter
  readonly #maxBytes: number
  readonly #onEnd: (reason: EndReason) => void
  readonly #feed: number[]
  #review: number
  #early: (Change | Review)[] | undefined = []
  #isOver = false

  constructor(out: Writable, filter: StreamFilter, place: Place, maxBytes: number, onEnd: (reason: EndReason) => void) {
    this.#out = out
    this.#filter = filter
    this.#feed = [...place.feed]
    this.#review = place.review
    this.#maxBytes = maxBytes
    this.#onEnd = onEnd
    out.once('close', () => this.end('gone'))
    out.on('error', () => this.end('gone'))
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Says where the client is, and how soon it may come back after a cut. */
  hello(retryMs: number): void {
    this.#write(`retry: ${retryMs}\n${this.#id()}event: ready\ndata: {}\n\n`)
  }

  /** A change that came while the client was still given what it had missed waits its turn. */
  live(change: Change | Review): void {
    if (this.#early === undefined) this.#send(change)
    else if (this.#early.push(change) > this.#maxBytes / 256) this.end('slow')
  }

  /** Something that it had missed. @returns when it has taken it */
  async missed(change: Change | Review): Promise<void> {
    this.#send(change)
    if (!this.#isOver && this.#out.writableNeedDrain) await drained(this.#out)
  }

  /** It has all that it had missed. @param upTo where what is live begins */
  caughtUp(upTo: Place): void {
    this.#review = Math.max(this.#review, upTo.review)
    upTo.feed.forEach((offset, partition) => (this.#feed[partition] = Math.max(this.#feed[partition] ?? 0, offset)))
    const early = this.#early ?? []
    this.#early = undefined
    for (const change of early) this.#send(change)
  }

  /** Keeps the connection open, and tells where the client is though nothing fitted its filter. */
  heartbeat(): void {
    this.#write(`: heartbeat\n${this.#early === undefined ? this.#id() : ''}\n`)
  }

  /** Lets the client go; once. */
  end(reason: EndReason): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#early = []
    if (reason === 'slow') this.#out.destroy()
    else if (reason !== 'gone') this.#out.end(`event: end\ndata: {"reason":"${reason}"}\n\n`)
    this.#onEnd(reason)
  }

  #send(change: Change | Review): void {
    if ('seq' in change) {
      if (change.seq <= this.#review) return
      this.#review = change.seq
    } else {
      if (change.offset < (this.#feed[change.partition] ?? 0)) return
      this.#feed[change.partition] = change.offset + 1
    }
    if (!this.#fits(change)) return
    this.#write(`${this.#id()}event: ${'seq' in change ? change.event : 'anomaly'}\ndata: ${change.data}\n\n`)
  }

  /** The allowlist is of no rule: who filters by one is told of it all the same. */
  #fits({ ruleId, mode }: Change | Review): boolean {
    const { rule, mode: wanted } = this.#filter
    if (ruleId === undefined) return true
    return (rule === undefined || rule === ruleId) && (wanted === undefined || wanted === mode)
  }

  #id(): string {
    return `id: ${placeText({ feed: this.#feed, review: this.#review })}\n`
  }

  #write(text: string): void {
    if (this.#isOver) return
    this.#out.write(text)
    if (this.#out.writableLength > this.#maxBytes) this.end('slow')
  }
}
