import assert from 'node:assert/strict'
import kafkajs, { type PartitionAssigner } from 'kafkajs'
import { TOPICS } from '../../domain/events.js'
import { waitUntil } from './child-process.js'
import type { SupervisedApp } from './supervised-app.js'

/** Well below the time after which a watchdog would end the process. */
const END_WITHIN_MS = 10_000
const PROTOCOL = 'somebody-else'

/** Speaks a protocol that no member of the product speaks: Kafka refuses whoever comes second. */
const otherProtocol: PartitionAssigner = () => ({
  name: PROTOCOL,
  version: 1,
  protocol: ({ topics }) => ({
    name: PROTOCOL,
    metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
  }),
  assign: ({ members }) =>
    Promise.resolve(
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment: {},
          userData: Buffer.alloc(0),
        }),
      })),
    ),
})

/** Joins a group as a program of somebody else would, once nobody is in it. @returns leaves it */
async function takeGroup(brokers: string[], groupId: string): Promise<() => Promise<void>> {
  const kafka = new kafkajs.Kafka({ clientId: PROTOCOL, brokers, logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    await waitUntil(
      () => `nobody is in ${groupId}`,
      30_000,
      async () => (await admin.describeGroups([groupId])).groups[0]?.state === 'Empty',
    )
  } finally {
    await admin.disconnect()
  }
  const consumer = kafka.consumer({ groupId, partitionAssigners: [otherProtocol] })
  const joined = new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.GROUP_JOIN, () => resolve())
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [TOPICS.clicks] })
  await consumer.run({ eachMessage: () => Promise.resolve() })
  await joined
  return () => consumer.disconnect()
}

/**
 * Crashes the consumer of a process as a real Kafka does it: it is frozen for longer than its session, another program
 * joins its group with a protocol of its own, and Kafka refuses it for good when it comes back. Its supervisor has to
 * start it again; the other program is gone by then.
 * @returns how far the process had come when it ended, as `progress` tells it
 */
export async function crashConsumer(
  app: SupervisedApp,
  brokers: string[],
  groupId: string,
  progress: () => Promise<number>,
): Promise<number> {
  app.freeze()
  const leave = await takeGroup(brokers, groupId)
  let endedAt: number
  try {
    app.thaw()
    await waitUntil(
      () => `it ends: ${app.output}`,
      END_WITHIN_MS,
      () => Promise.resolve(app.said.length > 0),
    )
    endedAt = await progress()
  } finally {
    await leave()
  }
  assert.match(app.said[0] ?? '', /^\w+ ended \(exit code 1\), crash 1: restart in /)
  assert.match(app.output, /"process_failed"/)
  assert.match(app.output, new RegExp(`group ${groupId} .*stopped for good: .*supported protocols are incompatible`))
  await waitUntil(
    () => `it runs again: ${app.output}`,
    30_000,
    () => Promise.resolve(app.said.some((text) => text.endsWith(' runs again'))),
  )
  return endedAt
}
