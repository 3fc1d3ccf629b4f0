import type { Purchase, Click } from '../../domain/events.js'
import { observeLimit } from '../../platform/limits.js'
import { Counter, type Registry } from '../../platform/metrics.js'
import type { CircuitBreaker } from '../../platform/resilience/circuit-breaker.js'
import { withDeadline } from '../../platform/resilience/deadline.js'
import { OverloadError } from '../../platform/resilience/admission.js'
import type { OutgoingRecord } from '../../platform/kafka/producer.js'
import type { CollectedEvent } from './check-event.js'

/** A record of an event, on the partition of its session. */
export interface EventRecord extends OutgoingRecord {
  readonly partition: number
  readonly eventMs: number
}

/** What is there once Kafka and the registry have answered for the first time. */
export interface OpenSink {
  readonly encodeClick: (click: Click) => Buffer
  readonly encodePurchase: (purchase: Purchase) => Buffer
  readonly partitionOf: (topic: string, key: string) => number
  /** Resolves when all in-sync replicas have every record. */
  readonly send: (records: readonly EventRecord[]) => Promise<void>
}

export interface SinkDeps {
  /** Asks the registry for schema ids and connects to Kafka. It is tried again when it fails. */
  readonly open: () => Promise<OpenSink>
  /** Told what Kafka has acknowledged. */
  readonly acknowledged: (records: readonly EventRecord[]) => void
  readonly breaker: Pick<CircuitBreaker, 'execute'>
  /** How long a caller waits for Kafka. */
  readonly deadlineMs: number
  /** Events that may wait for Kafka's acknowledgement at once, of all callers. */
  readonly maxInFlight: number
  readonly registry: Registry
}

/**
 * Where collected events go. Events whose caller has given up waiting stay in flight until Kafka has answered: a dead Kafka
 * fills the places, and no memory beyond them.
 */
export class EventSink {
  readonly #deps: SinkDeps
  readonly #sent: Counter<'topic'>
  #opening: Promise<OpenSink> | undefined
  #opened: OpenSink | undefined
  #inFlight = 0

  constructor(deps: SinkDeps) {
    this.#deps = deps
    const { registry, maxInFlight } = deps
    this.#sent = new Counter({
      name: 'guardian_collector_acknowledged_total',
      help: 'Events that Kafka has acknowledged',
      labelNames: ['topic'],
      registers: [registry],
    })
    observeLimit(registry, 'API_COLLECTOR_EVENTS_IN_FLIGHT', { max: maxInFlight, used: () => this.#inFlight })
  }

  /**
   * Makes records of events, for `send`.
   * @throws CircuitOpenError, DeadlineError or PlatformError while Kafka or the registry has not answered even once
   */
  async encoder(): Promise<(collected: CollectedEvent, headers?: EventRecord['headers']) => EventRecord> {
    const open = await this.#open()
    return ({ topic, event }, headers) => ({
      topic,
      key: event.session_id,
      value: 'order_id' in event ? open.encodePurchase(event) : open.encodeClick(event),
      partition: open.partitionOf(topic, event.session_id),
      eventMs: event.event_ts,
      ...(headers === undefined ? {} : { headers }),
    })
  }

  /**
   * Resolves when Kafka has all of them. After a failure it is not known which arrived: their ids tell when they are sent again.
   * @throws OverloadError when too many wait already; CircuitOpenError, DeadlineError, PlatformError
   */
  async send(records: readonly EventRecord[]): Promise<void> {
    const { breaker, deadlineMs, maxInFlight } = this.#deps
    if (this.#inFlight + records.length > maxInFlight) throw new OverloadError('queue_full')
    this.#inFlight += records.length // before anything is awaited: requests at the same moment see each other
    let reserved = records.length
    try {
      const open = await this.#open()
      await breaker.execute(() => {
        reserved = 0 // given back when they are delivered
        return withDeadline(() => this.#deliver(open, records), deadlineMs)
      })
    } finally {
      this.#inFlight -= reserved
    }
  }

  /** Ends when Kafka has answered, which may be after the caller has given up. */
  async #deliver(open: OpenSink, records: readonly EventRecord[]): Promise<void> {
    try {
      await open.send(records)
      this.#deps.acknowledged(records)
      for (const { topic } of records) this.#sent.inc({ topic })
    } finally {
      this.#inFlight -= records.length
    }
  }

  /** Callers that come while it opens wait for the same, and it goes on when they have given up waiting. */
  #open(): Promise<OpenSink> {
    if (this.#opened !== undefined) return Promise.resolve(this.#opened)
    const { breaker, open, deadlineMs } = this.#deps
    const opening = () =>
      (this.#opening ??= open()
        .then((sink) => (this.#opened = sink))
        .finally(() => (this.#opening = undefined)))
    return breaker.execute(() => withDeadline(opening, deadlineMs))
  }
}
