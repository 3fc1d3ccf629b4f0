import assert from 'node:assert/strict'
import type { Kafka, ProducerBatch } from 'kafkajs'
import { createLogger } from '../../../../platform/logger.js'
import { startProducer } from '../../../../platform/kafka/producer.js'

/** Answers every send at once, for the one partition that there is. */
const kafka = {
  producer: () => ({
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    sendBatch: ({ topicMessages = [] }: ProducerBatch) =>
      Promise.resolve(topicMessages.map(({ topic }) => ({ topicName: topic, partition: 0, errorCode: 0 }))),
  }),
} as unknown as Kafka

const records = (count: number) =>
  Array.from({ length: count }, () => ({ topic: 'some', partition: 0, key: null, value: Buffer.from('x') }))

describe('a producer whose queue is full', () => {
  it('sends those who wait for a place when all before them is sent, though nobody comes after them', async () => {
    const producer = await startProducer(kafka, { maxQueuedRecords: 10 }, createLogger('test', 'fatal'))
    for (let round = 0; round < 3; round++)
      await Promise.all([10, 3, 10, 9, 2].map((count) => producer.value.send(records(count))))
    assert.equal(producer.value.queuedRecords, 0)
    await producer.stop()
  })
})
