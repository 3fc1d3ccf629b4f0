import assert from 'node:assert/strict'
import kafkajs from 'kafkajs'
import { awaitLeaders } from '../../../../platform/kafka/admin.js'
import { PlatformError } from '../../../../platform/platform-error.js'

const partition = (leader: number) => ({
  partitionErrorCode: 0,
  partitionId: 0,
  leader,
  replicas: [1],
  isr: [1],
})
const refused = (type: string) => new kafkajs.KafkaJSProtocolError(Object.assign(new Error(type), { type, code: 3 }))

/** Answers what it is given, one after the other, the last one for ever. */
function adminThat(answers: readonly (Error | number)[]) {
  let asked = 0
  return {
    asked: () => asked,
    fetchTopicMetadata: () => {
      const answer = answers[Math.min(asked++, answers.length - 1)] ?? -1
      if (answer instanceof Error) return Promise.reject(answer)
      return Promise.resolve({ topics: [{ name: 'km.clicks.v1', partitions: [partition(answer)] }] })
    },
  }
}

describe('platform/kafka: leaders of new topics', () => {
  it('waits while a broker does not know the topic, or nobody leads it', async () => {
    const admin = adminThat([refused('UNKNOWN_TOPIC_OR_PARTITION'), refused('LEADER_NOT_AVAILABLE'), -1, 1])
    await awaitLeaders(admin, ['km.clicks.v1'])
    assert.equal(admin.asked(), 4)
  })

  it('gives up in time and says of which topic', async () => {
    const isNamed = (error: unknown) =>
      error instanceof PlatformError && /no leader for km\.clicks\.v1 within 50 ms \(none for km/.test(error.message)
    await assert.rejects(awaitLeaders(adminThat([-1]), ['km.clicks.v1'], 50), isNamed)
  })

  it('passes on what is no matter of waiting', async () => {
    const admin = adminThat([refused('TOPIC_AUTHORIZATION_FAILED')])
    await assert.rejects(awaitLeaders(admin, ['km.clicks.v1']), /TOPIC_AUTHORIZATION_FAILED/)
    assert.equal(admin.asked(), 1)
  })
})
