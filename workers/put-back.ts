import type { StreamConsumer } from '../platform/kafka/consumer.js'

/**
 * The partition is not fetched until a moment later, and then from where it stands.
 * @param offset the next record that is wanted @param forMs how long it rests
 */
export function putBack(
  consumer: StreamConsumer,
  { topic, partition, offset, forMs }: { topic: string; partition: number; offset: number; forMs: number },
): void {
  consumer.pause(topic, partition)
  consumer.seek(topic, partition, offset)
  setTimeout(() => consumer.resume(topic, partition), forMs)
}
