import type { Kafka } from 'kafkajs'
import { PlatformError } from '../platform-error.js'
import { withAdmin } from './admin.js'

/** How many partitions a topic has now, over a connection of its own. @throws PlatformError KAFKA_UNAVAILABLE for a topic without any */
export const countPartitions = (kafka: Kafka, topic: string): Promise<number> =>
  withAdmin(kafka, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const count = topics[0]?.partitions.length ?? 0
    if (count === 0) throw new PlatformError('KAFKA_UNAVAILABLE', `topic ${topic} has no partitions`)
    return count
  })
