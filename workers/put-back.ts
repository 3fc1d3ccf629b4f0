import type { StreamConsumer } from '../platform/kafka/consumer.js'
import type { Logger } from '../platform/logger.js'

/** How long a partition rests before a server that did not answer is asked again. */
const OUTAGE_MS = 1_000

interface Place {
  readonly topic: string
  readonly partition: number
  /** The next record that is wanted. */
  readonly offset: number
}

interface PutBackDeps {
  readonly consumer: StreamConsumer
  readonly log: Logger
  readonly metrics: { readonly held: (reason: 'outage') => void }
}

/**
 * The partition is not fetched until a moment later, and then from where it stands.
 * @param forMs how long it rests
 */
export function putBack(
  consumer: StreamConsumer,
  { topic, partition, offset, forMs }: Place & { readonly forMs: number },
): void {
  consumer.pause(topic, partition)
  consumer.seek(topic, partition, offset)
  setTimeout(() => consumer.resume(topic, partition), forMs)
}

/** Has the partition come again once the server that is away may be back. */
export function waitForServer({ consumer, log, metrics }: PutBackDeps, place: Place, err: unknown): void {
  log.warn({ err, partition: `${place.topic}/${place.partition}`, retryInMs: OUTAGE_MS }, 'partition_waits')
  metrics.held('outage')
  putBack(consumer, { ...place, forMs: OUTAGE_MS })
}
