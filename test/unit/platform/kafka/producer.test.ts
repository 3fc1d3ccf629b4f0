import assert from 'node:assert/strict'
import type { Kafka, ProducerBatch } from 'kafkajs'
import { createLogger } from '../../../../platform/logger.js'
import { startProducer, type ProducerOptions } from '../../../../platform/kafka/producer.js'

interface FakeClient {
  readonly connect: () => Promise<void>
  readonly disconnect: () => Promise<void>
  readonly sendBatch: (batch: ProducerBatch) => Promise<unknown>
}

/** Answers every send at once, for the one partition that there is. */
const healthy: FakeClient = {
  connect: () => Promise.resolve(),
  disconnect: () => Promise.resolve(),
  sendBatch: ({ topicMessages = [] }) =>
    Promise.resolve(topicMessages.map(({ topic }) => ({ topicName: topic, partition: 0, errorCode: 0 }))),
}

/** Makes these clients, one after the other, and healthy ones when there are no more. */
function kafkaOf(...clients: readonly Partial<FakeClient>[]): Kafka {
  let made = 0
  return { producer: () => ({ ...healthy, ...clients[made++] }) } as unknown as Kafka
}

const start = (kafka: Kafka, options: ProducerOptions) => startProducer(kafka, options, createLogger('test', 'fatal'))

const records = (count: number) =>
  Array.from({ length: count }, () => ({ topic: 'some', partition: 0, key: null, value: Buffer.from('x') }))

describe('a producer whose queue is full', () => {
  it('sends those who wait for a place when all before them is sent, though nobody comes after them', async () => {
    const producer = await start(kafkaOf(), { maxQueuedRecords: 10 })
    for (let round = 0; round < 3; round++)
      await Promise.all([10, 3, 10, 9, 2].map((count) => producer.value.send(records(count))))
    assert.equal(producer.value.queuedRecords, 0)
    await producer.stop()
  })
})

const never = () => new Promise<never>(() => undefined)
const unavailable = { code: 'KAFKA_UNAVAILABLE' }

describe('a producer whose client does not get through', () => {
  const later = (failure: string, ms: number) => () =>
    new Promise<never>((_, reject) => setTimeout(() => reject(new Error(failure)), ms))

  for (const [what, sendBatch] of [
    ['never answers', never],
    ['fails later than anybody waits', later('no leader', 60)],
    ['fails at once', () => Promise.reject(new Error('no leader'))],
  ] as const)
    it(`gives up in time on one that ${what}, and sends what comes next by another`, async () => {
      const producer = await start(kafkaOf({ sendBatch }), { deliveryTimeoutMs: 30 })
      await assert.rejects(producer.value.send(records(2)), unavailable)
      await producer.value.send(records(1))
      assert.equal(producer.value.queuedRecords, 0)
      assert.equal(producer.value.lastFailureAgoMs, undefined)
      await producer.stop()
    })

  it('tries again by another one while there is time, also when the next does not connect', async () => {
    const kafka = kafkaOf({ sendBatch: never }, { connect: never })
    const producer = await start(kafka, { deliveryTimeoutMs: 5_000, attemptTimeoutMs: 20 })
    await producer.value.send(records(2))
    await producer.stop()
  })

  it('closes it at once, and once more when its send is over: kafkajs connects anew for that', async () => {
    const [closed, ended]: [number[], (() => void)[]] = [[], []]
    let fail: (error: Error) => void = () => undefined
    const kafka = kafkaOf({
      sendBatch: () => new Promise<never>((_, reject) => (fail = reject)),
      disconnect: () => {
        closed.push(closed.length)
        for (const told of ended.splice(0)) told()
        return Promise.resolve()
      },
    })
    const producer = await start(kafka, { deliveryTimeoutMs: 10 })
    await assert.rejects(producer.value.send(records(1)), unavailable)
    assert.equal(closed.length, 1)
    const again = new Promise<void>((resolve) => ended.push(resolve))
    fail(new Error('no broker'))
    await again
    await producer.stop()
    assert.equal(closed.length, 2)
  })

  it('says that it did not start when the first one does not connect', async () => {
    await assert.rejects(start(kafkaOf({ connect: never }), { attemptTimeoutMs: 10 }), { code: 'NO_ANSWER_IN_TIME' })
  })
})
