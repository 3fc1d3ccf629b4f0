import assert from 'node:assert/strict'
import kafkajs from 'kafkajs'
import { pino } from 'pino'
import { createKafka } from '../../../platform/kafka/client.js'
import { followTopic } from '../../../platform/kafka/follow-topic.js'
import { waitUntil } from '../../support/child-process.js'
import { askBrokers } from '../../support/kafka-admin.js'
import { useTestStack } from '../../support/stack.js'

const TOPIC = 'followed'

describe('followTopic', function () {
  this.timeout(60_000)
  const servers = useTestStack('kafka')

  it('delivers what comes after its start, and all of a partition that is added later', async () => {
    const { kafkaBrokers: brokers } = servers()
    const list = typeof brokers === 'string' ? brokers.split(',') : brokers
    await askBrokers(list, (admin) =>
      admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }], waitForLeaders: true }),
    )
    const kafka = createKafka({ clientId: 'test', brokers: list, requestTimeoutMs: 10_000 }, pino({ level: 'silent' }))
    const producer = new kafkajs.Kafka({ brokers: list, logLevel: kafkajs.logLevel.NOTHING }).producer()
    await producer.connect()
    const send = (partition: number, ...values: string[]) =>
      producer.send({ topic: TOPIC, messages: values.map((value) => ({ value, partition })) })
    await send(0, 'before')
    const seen: string[] = []
    const { value, stop } = await followTopic(kafka, TOPIC, {
      maxUnpackedBytes: 1_000_000,
      metadataMaxAgeMs: 500,
      onRecords: (partition, records) => seen.push(...records.map((record) => `${partition} ${String(record.value)}`)),
      onEnd: (error) => seen.push(`ended: ${error.message}`),
    })
    try {
      assert.deepEqual(value.ends, [1])
      await send(0, 'after')
      // Records are in the added partition before the follower can know of it.
      await askBrokers(list, (admin) => admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count: 2 }] }))
      await producer.disconnect()
      await producer.connect()
      await send(1, 'first', 'second')
      await waitUntil(
        () => `not all delivered: ${seen.join(', ')}`,
        30_000,
        () => Promise.resolve(seen.length >= 3),
      )
      await send(1, 'third')
      await waitUntil(
        () => `not all delivered: ${seen.join(', ')}`,
        30_000,
        () => Promise.resolve(seen.length >= 4),
      )
      assert.deepEqual(seen, ['0 after', '1 first', '1 second', '1 third'])
    } finally {
      await stop()
      await producer.disconnect()
    }
  })
})
