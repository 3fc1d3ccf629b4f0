import { randomUUID } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Admin } from 'kafkajs'
import { startServers, type RunningServers, type ServerHandle, type ServerName } from '../../deploy/local/servers.js'
import { waitUntil } from './child-process.js'
import { askBrokers } from './kafka-admin.js'

/** Three brokers of their own, replication 3, min.insync.replicas 2, and an admin client of each moment. */
export interface ThreeBrokers {
  readonly servers: RunningServers
  /** `host:port` of each. */
  readonly addresses: readonly string[]
  /** The process of a broker, by its node id (1 to 3). */
  broker: (id: number) => ServerHandle
  portOf: (id: number) => number
  /** Makes a topic whose partitions have these replicas, the first of each its leader. */
  createTopic: (topic: string, replicas: readonly (readonly number[])[]) => Promise<void>
  /** The leaders of a topic's partitions, in their order; -1 for none. */
  leadersOf: (topic: string) => Promise<number[]>
  /** Waits until every replica of every partition is in sync. */
  inSync: (deadlineMs?: number) => Promise<void>
  stop: () => Promise<void>
}

/** Starts three brokers, and what else is named, in a temporary directory. */
export async function startThreeBrokers(...others: ServerName[]): Promise<ThreeBrokers> {
  const dataDir = mkdtempSync(join(tmpdir(), 'guardian-brokers-'))
  chmodSync(dataDir, 0o711)
  const servers = await startServers({
    parts: ['kafka', ...others],
    dataDir,
    ports: 'free',
    env: process.env,
    brokers: 3,
    fsync: false,
    isBrief: true,
    password: randomUUID(),
  })
  const addresses = (servers.kafkaBrokers ?? '').split(',')
  const ask = <T>(question: (admin: Admin) => Promise<T>) => askBrokers(addresses, question)
  const partitionsOf = (topics?: string[]) =>
    ask(async (admin) => {
      const found = await admin.fetchTopicMetadata(topics && { topics })
      return found.topics.flatMap(({ partitions }) => partitions)
    })
  const at = <T>(list: readonly T[], id: number): T => {
    const item = list[id - 1]
    if (item === undefined) throw new Error(`there is no broker ${id}`)
    return item
  }
  const leadersOf = async (topic: string) =>
    (await partitionsOf([topic])).sort((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader)
  return {
    servers,
    addresses,
    broker: (id) => at(servers.brokers, id),
    portOf: (id) => Number(at(addresses, id).split(':')[1]),
    createTopic: async (topic, replicas) => {
      const replicaAssignment = replicas.map((ids, partition) => ({ partition, replicas: [...ids] }))
      // kafkajs waits for leaders with a promise that nobody catches when a broker does not know the topic yet.
      await ask((admin) => admin.createTopics({ waitForLeaders: false, topics: [{ topic, replicaAssignment }] }))
      await waitUntil(
        () => `${topic} has its leaders`,
        30_000,
        async () => {
          const leaders = await leadersOf(topic).catch(() => [])
          return leaders.length === replicas.length && leaders.every((id, partition) => id === replicas[partition]?.[0])
        },
      )
    },
    leadersOf,
    inSync: async (deadlineMs = 120_000) => {
      let behind = ''
      await waitUntil(
        () => `all replicas in sync: ${behind}`,
        deadlineMs,
        async () => {
          const partitions = await partitionsOf().catch((error: unknown) => {
            behind = String(error)
            return []
          })
          const late = partitions.filter(({ isr, replicas }) => isr.length < replicas.length)
          if (partitions.length > 0) behind = `${late.length} of ${partitions.length} partitions are not`
          return partitions.length > 0 && late.length === 0
        },
        200,
      )
    },
    stop: async () => {
      await servers.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
