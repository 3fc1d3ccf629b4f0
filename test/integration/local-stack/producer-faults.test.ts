import assert from 'node:assert/strict'
import { brokerDiesBetweenAnswers } from '../../support/broker-dies.js'
import { startKafkaProxies, type KafkaProxies } from '../../support/kafka-proxies.js'
import { loseAnswers, openClient, settle, type ClientName } from '../../support/produce-trial.js'
import { startThreeBrokers, type ThreeBrokers } from '../../support/three-brokers.js'

/** Brokers of its own: it kills one of them. */
describe('what a producer was told is in the log, is in the log', function () {
  this.timeout(300_000)
  let cluster: ThreeBrokers
  let proxies: KafkaProxies

  before(async () => {
    cluster = await startThreeBrokers()
    proxies = await startKafkaProxies(cluster.addresses)
  })
  after(async () => {
    await proxies.close()
    await cluster.stop()
  })

  const sixAnswersLost = async (client: ClientName) => {
    const topic = `answers-${client.replaceAll(' ', '-')}`
    await cluster.createTopic(topic, [[1, 2, 3]])
    return loseAnswers(cluster.addresses, proxies, { client, topic, partitions: 1, inFlight: 8, cuts: 6 })
  }

  it('when answers are lost with many sends in flight, which costs kafkajs with idempotent: true records', async () => {
    const stock = await sixAnswersLost('kafkajs idempotent')
    assert.ok(stock.lost > 0, `the fault is not there: ${JSON.stringify(stock)}`)
    const { lost, failed } = await sixAnswersLost('project')
    assert.deepEqual({ lost, failed }, { lost: 0, failed: 0 })
  })

  // The sequence number of what failed is free again for kafkajs: Kafka would take the next record for the one that it has.
  it('when it gave up on what it had sent before', async () => {
    const topic = 'given-up'
    await cluster.createTopic(topic, [[1, 2, 3]])
    const producer = await openClient('project', cluster.addresses, proxies, { deliveryTimeoutMs: 1_000 })
    proxies.decide = () => 'lose-answer'
    await assert.rejects(producer.send(topic, [{ partition: 0, id: 'unknown' }]), { code: 'KAFKA_UNAVAILABLE' })
    proxies.decide = () => 'pass'
    await producer.send(topic, [{ partition: 0, id: 'acknowledged' }])
    await producer.stop()
    const { lost } = await settle(cluster.addresses, topic, new Set(['acknowledged']), 1)
    assert.equal(lost, 0)
  })

  it('when a broker dies after another has answered and takes over, which costs kafkajs its partition', async () => {
    const results = await brokerDiesBetweenAnswers(cluster, proxies, {
      name: 'dies',
      survivor: 1,
      victim: 2,
      records: 20,
    })
    for (const stock of ['kafkajs', 'kafkajs idempotent'] as const)
      assert.deepEqual(results.get(stock), { acknowledged: 20, failed: 0, lost: 10, duplicated: 0 }, stock)
    assert.deepEqual(results.get('project'), { acknowledged: 20, failed: 0, lost: 0, duplicated: 0 })
  })

  it('the broker that was killed comes back, and every replica with it', async () => {
    assert.equal(cluster.broker(2).pid, undefined)
    await cluster.broker(2).restart()
    await cluster.inSync()
    assert.ok(cluster.servers.brokers.every((broker) => broker.isRunning))
    assert.equal(cluster.addresses.length, 3)
  })
})
