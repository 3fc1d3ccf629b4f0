import { TOPICS } from '../../domain/events.js'
import { waitUntil } from './child-process.js'
import { askBrokers } from './kafka-admin.js'

/** Where the log ends, by `topic/partition`. */
export type LogEnds = ReadonlyMap<string, number>

/** @throws while a topic of events is not there, or a partition of it has no leader */
export async function logEnds(brokers: string[]): Promise<LogEnds> {
  const ends = new Map<string, number>()
  await askBrokers(brokers, async (admin) => {
    for (const topic of [TOPICS.clicks, TOPICS.purchases])
      for (const { partition, high } of await admin.fetchTopicOffsets(topic))
        ends.set(`${topic}/${partition}`, Number(high))
  })
  return ends
}

/** Deletes all topics of the product, and waits until they are gone. */
export function deleteTopics(brokers: string[]): Promise<void> {
  const ours = new Set<string>(Object.values(TOPICS))
  return askBrokers(brokers, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => ours.has(topic))
    if (topics.length > 0) await admin.deleteTopics({ topics })
    await waitUntil(
      () => 'topics are deleted',
      30_000,
      async () => !(await admin.listTopics()).some((topic) => ours.has(topic)),
    )
  })
}
