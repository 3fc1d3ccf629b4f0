import type { Writable } from 'node:stream'
import { Counter, Gauge, type Registry } from '../../platform/metrics.js'
import { ProblemError } from '../problem-error.js'
import type { Change, ChangeTail } from './change-tail.js'
import {
  isWithin,
  missedBetween,
  parsePlace,
  type LogBounds,
  type Missed,
  type Place,
  type Position,
} from './position.js'
import type { Review, ReviewTail } from './review-tail.js'
import { StreamClient, type EndReason, type StreamFilter } from './stream-client.js'

export interface StreamSettings {
  readonly heartbeatMs: number
  /** What may wait for one client. */
  readonly maxBufferBytes: number
  /** Changes that a client may have missed, and still be given. */
  readonly maxMissed: number
}

export interface StreamRequest {
  /** Where the client was, as an event of the stream has told it. */
  readonly lastEventId: string | undefined
  readonly filter: StreamFilter
  /** Whether the caller may still see it. @throws when nobody can tell */
  readonly stillMay: () => Promise<boolean>
}

export interface StreamDeps {
  readonly tail: ChangeTail
  readonly reviews: ReviewTail
  /** Of the feed's log, as Kafka has it now. */
  readonly bounds: () => Promise<LogBounds>
  readonly readMissed: (missed: Missed, onChange: (change: Change) => Promise<void>) => Promise<void>
  readonly settings: StreamSettings
  readonly registry: Registry
}

/** As often as a key is looked up anew. */
const RECHECK_MS = 1_000
const RETRY_MS = 1_000

/** Changes of anomalies, and what people say of them, as they come, to many clients, each from where it was. */
export class AnomalyStream {
  readonly #deps: StreamDeps
  readonly #ended: Counter<'reason'>

  constructor(deps: StreamDeps) {
    this.#deps = deps
    const { tail, registry } = deps
    this.#ended = new Counter({
      name: 'guardian_stream_ended_total',
      help: 'Clients of the live stream that have ended, by reason; slow: more waited for one than may',
      labelNames: ['reason'],
      registers: [registry],
    })
    new Gauge({
      name: 'guardian_stream_clients',
      help: 'Clients of the live stream',
      registers: [registry],
      collect() {
        this.set(tail.clients)
      },
    })
  }

  /**
   * Prepares a stream for one client.
   * @returns begins it, on a response whose head is sent
   * @throws ProblemError BAD_REQUEST, STREAM_POSITION_GONE; whatever Kafka throws
   */
  async open({ lastEventId, filter, stillMay }: StreamRequest): Promise<(out: Writable) => void> {
    const { tail, reviews, settings } = this.#deps
    const was = lastEventId === undefined ? {} : parsePlace(lastEventId)
    if (was === undefined) throw new ProblemError('BAD_REQUEST', 'Last-Event-ID is no id of this stream')
    await tail.begin()
    this.#refuseGoneReview(was.review, await reviews.begin())
    await this.#refuseGone(was.feed)
    return (out) => {
      let client: StreamClient | undefined = undefined
      const subscriber = {
        onChange: (change: Change) => client?.live(change),
        onEnd: () => client?.end('feed'),
      }
      const onReview = (review: Review) => client?.live(review)
      const now: Place = { feed: tail.subscribe(subscriber), review: reviews.subscribe(onReview) }
      const begin: Place = { ...now, ...was }
      const timers: NodeJS.Timeout[] = []
      const onEnd = (reason: EndReason) => {
        tail.unsubscribe(subscriber)
        reviews.unsubscribe(onReview)
        for (const timer of timers) clearInterval(timer)
        this.#ended.inc({ reason })
      }
      const begun = (client = new StreamClient(out, filter, begin, settings.maxBufferBytes, onEnd))
      timers.push(
        setInterval(() => begun.heartbeat(), settings.heartbeatMs),
        setInterval(() => void recheck(begun, stillMay), RECHECK_MS),
      )
      begun.hello(RETRY_MS)
      this.#catchUp(begun, begin, now).catch(() => begun.end('feed'))
    }
  }

  /** Sends all clients away; they come back to whoever answers then. */
  stop(): Promise<void> {
    return this.#deps.tail.stop()
  }

  /** @param head the last audit record that there is */
  #refuseGoneReview(was: number | undefined, head: number): void {
    if (was !== undefined && (was > head || head - was > this.#deps.settings.maxMissed)) throw positionGone()
  }

  async #refuseGone(was: Position | undefined): Promise<void> {
    if (was === undefined) return
    const { tail, settings, bounds } = this.#deps
    const now = tail.position
    const missed = missedBetween(was, now)
    const count = missed.reduce((sum, { from, to }) => sum + to - from, 0)
    const isKept = missed.every(({ partition, from, to }) => tail.remembered(partition, from, to) !== undefined)
    const isAhead = was.length > now.length || was.some((offset, partition) => offset > (now[partition] ?? 0))
    if (count <= settings.maxMissed && ((isKept && !isAhead) || isWithin(was, await bounds()))) return
    throw positionGone()
  }

  async #catchUp(client: StreamClient, was: Place, now: Place): Promise<void> {
    const { tail, reviews, readMissed } = this.#deps
    for (const part of missedBetween(was.feed, now.feed)) {
      const remembered = tail.remembered(part.partition, part.from, part.to)
      if (remembered === undefined) await readMissed(part, (change) => client.missed(change))
      else for (const change of remembered) await client.missed(change)
      if (client.isOver) return
    }
    for await (const review of reviews.between(was.review, now.review)) {
      await client.missed(review)
      if (client.isOver) return
    }
    client.caughtUp(now)
  }
}

const positionGone = () =>
  new ProblemError('STREAM_POSITION_GONE', 'read /anomalies, and begin anew without Last-Event-ID')

/** Fails closed: a caller of whom nobody can tell is sent away, and misses nothing by it. */
async function recheck(client: StreamClient, stillMay: () => Promise<boolean>): Promise<void> {
  const may = await stillMay().catch(() => false)
  if (!may) client.end('access')
}
