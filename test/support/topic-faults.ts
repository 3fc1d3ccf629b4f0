import { TOPICS } from '../../domain/events.js'
import { askBrokers } from './kafka-admin.js'

/** What retention does, at once: the records of a partition of the clicks before an offset are gone. */
export const deleteBefore = (brokers: readonly string[], partition: number, offset: number): Promise<void> =>
  askBrokers(brokers, async (admin) => {
    await admin.fetchTopicOffsets(TOPICS.clicks) // kafkajs knows only topics that it was asked about
    await admin.deleteTopicRecords({ topic: TOPICS.clicks, partitions: [{ partition, offset: String(offset) }] })
  })

/** Gives both topics of events more partitions; from then on, keys go to others than before. */
export const addPartitions = (brokers: readonly string[], count: number): Promise<void> =>
  askBrokers(brokers, async (admin) => {
    const topicPartitions = [TOPICS.clicks, TOPICS.purchases].map((topic) => ({ topic, count }))
    await admin.createPartitions({ topicPartitions })
  })
