import type { Click } from '../../domain/events.js'
import { TOPICS } from '../../domain/events.js'
import type { EventSender } from '../event-sender.js'

const BATCH_RECORDS = 2_000

/** Sends clicks in batches: one is under way while the next is collected. */
export class ClickOutbox {
  readonly #sender: EventSender
  readonly #topic: string
  #batch: Parameters<EventSender['send']>[0][number][] = []
  #underWay: Promise<void> = Promise.resolve()
  acknowledged = 0

  constructor(sender: EventSender, topic: string = TOPICS.clicks) {
    this.#sender = sender
    this.#topic = topic
  }

  /** Puts a click with those that the next `sendFull` or `settle` sends. @returns the partition that it goes to */
  add(click: Click): number {
    const record = this.#sender.place(this.#topic, click.session_id, this.#sender.encodeClick(click), click.event_ts)
    this.#batch.push(record)
    return record.partition
  }

  /** Sends what has come together, if it is enough for a batch; waits for the batch before it. */
  async sendFull(): Promise<void> {
    while (this.#batch.length >= BATCH_RECORDS) await this.#dispatch()
  }

  /** @throws PlatformError when Kafka does not take all of it */
  async settle(): Promise<void> {
    while (this.#batch.length > 0) await this.#dispatch()
    await this.#underWay
  }

  async #dispatch(): Promise<void> {
    await this.#underWay
    const batch = this.#batch.splice(0, BATCH_RECORDS)
    this.#underWay = this.#sender.send(batch).then(() => void (this.acknowledged += batch.length))
    this.#underWay.catch(() => undefined) // awaited, and thus reported, at the next batch or at the end
  }
}
