import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Kafka } from 'kafkajs'
import { withAdmin } from './admin.js'
import { orKafkaAway } from './kafka-away.js'
import { PlatformError } from '../platform-error.js'

const GONE_BOUND_MS = 30_000
const POLL_MS = 100

export interface TopicShape {
  readonly partitions: number
  readonly replicationFactor: number
}

/** How a topic was created, for another one like it. @throws PlatformError KAFKA_UNAVAILABLE, also when there is no such topic */
export const readTopicShape = (kafka: Kafka, topic: string): Promise<TopicShape> =>
  orKafkaAway(() =>
    withAdmin(kafka, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const partitions = topics[0]?.partitions ?? []
      return { partitions: partitions.length, replicationFactor: partitions[0]?.replicas.length ?? 1 }
    }),
  )

/**
 * Deletes those of the topics that exist, and the consumer group that read them, and waits until they are gone.
 * @returns the topics deleted
 * @throws PlatformError KAFKA_UNAVAILABLE when the group has members, or topics are still there after 30 s
 */
export const removeTopics = (kafka: Kafka, topics: readonly string[], groupId: string): Promise<string[]> =>
  orKafkaAway(() =>
    withAdmin(kafka, async (admin) => {
      const existing = async () => (await admin.listTopics()).filter((topic) => topics.includes(topic))
      const found = await existing()
      if (found.length > 0) await admin.deleteTopics({ topics: found })
      const giveUpAt = performance.now() + GONE_BOUND_MS
      while ((await existing()).length > 0) {
        if (performance.now() > giveUpAt)
          throw new PlatformError('KAFKA_UNAVAILABLE', `${found.join(', ')} not deleted within ${GONE_BOUND_MS} ms`)
        await sleep(POLL_MS)
      }
      const { groups } = await admin.listGroups()
      if (groups.some((group) => group.groupId === groupId)) await deleteGroup(admin, groupId)
      return found
    }),
  )

/** Kafka may have forgotten the group in the meantime: with its last topic, an empty group goes by itself. */
async function deleteGroup(admin: Pick<kafkajs.Admin, 'deleteGroups'>, groupId: string): Promise<void> {
  try {
    await admin.deleteGroups([groupId])
  } catch (error) {
    const isGone =
      error instanceof kafkajs.KafkaJSDeleteGroupsError &&
      error.groups.every(
        ({ error: cause }) => cause instanceof kafkajs.KafkaJSProtocolError && cause.type === 'GROUP_ID_NOT_FOUND',
      )
    if (!isGone) throw error
  }
}
