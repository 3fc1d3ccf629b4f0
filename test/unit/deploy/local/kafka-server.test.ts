import assert from 'node:assert/strict'
import { brokerProperties } from '../../../../deploy/local/kafka-server.js'

const settingsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  )

describe("a broker's settings", () => {
  it('alone keep one copy', () => {
    const settings = settingsOf(brokerProperties(1, '/data', { brokers: [9_092], controllers: [9_093] }))
    assert.equal(settings['default.replication.factor'], '1')
    assert.equal(settings['min.insync.replicas'], '1')
    assert.equal(settings['offsets.topic.replication.factor'], '1')
    assert.equal(settings['controller.quorum.voters'], '1@127.0.0.1:9093')
    assert.equal(settings['auto.create.topics.enable'], 'false')
  })

  it('of three keep three copies, two of which must have a record', () => {
    const ports = { brokers: [1, 2, 3], controllers: [4, 5, 6] }
    const settings = settingsOf(brokerProperties(2, '/data', ports))
    assert.equal(settings['listeners'], 'PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:5')
    assert.equal(settings['controller.quorum.voters'], '1@127.0.0.1:4,2@127.0.0.1:5,3@127.0.0.1:6')
    for (const name of ['default', 'offsets.topic', 'transaction.state.log']) {
      assert.equal(settings[`${name}.replication.factor`], '3', name)
    }
    assert.equal(settings['min.insync.replicas'], '2')
    assert.equal(settings['transaction.state.log.min.isr'], '2')
  })
})
