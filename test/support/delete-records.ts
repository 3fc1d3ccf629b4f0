import kafkajs from 'kafkajs'
import { TOPICS } from '../../domain/events.js'

/** What retention does, at once: the clicks of a partition before an offset are gone. */
export async function deleteBefore(brokers: string[], partition: number, offset: number): Promise<void> {
  const admin = new kafkajs.Kafka({ clientId: 'retention', brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await admin.fetchTopicOffsets(TOPICS.clicks) // kafkajs knows only topics that it was asked about
    await admin.deleteTopicRecords({ topic: TOPICS.clicks, partitions: [{ partition, offset: String(offset) }] })
  } finally {
    await admin.disconnect()
  }
}
