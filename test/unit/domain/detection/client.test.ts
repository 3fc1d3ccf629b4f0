import assert from 'node:assert/strict'
import { clientOf } from '../../../../domain/detection/client.js'
import { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { ruleInForce } from '../../../../domain/detection/rule.js'
import { RULE_KINDS } from '../../../../domain/detection/rule-kinds.js'

describe('the client of an event', () => {
  it('has one spelling of its address, and no placeholder', () => {
    assert.equal(clientOf('[2001:DB8::1]:443', 'A').ip, '2001:db8::1')
    assert.equal(clientOf('::ffff:192.0.2.1', 'A').ip, '192.0.2.1')
    for (const unknown of ['', '-', '""', ' '])
      assert.deepEqual(clientOf(unknown, unknown), { ip: null, user_agent: null })
    assert.equal(clientOf('proxy.example', null).ip, 'proxy.example')
    assert.equal(clientOf(`${'x'.repeat(70)}\0`, 'a\0').ip, 'x'.repeat(64))
  })
})

describe('the user of an event', () => {
  it('is nobody when the value is a placeholder', () => {
    const parameters = { windowMs: 10_000, slideMs: 10_000, minEvents: 2 }
    const version = { ruleId: 'R', version: 1, kind: 'HIGH_FREQUENCY', state: 'active', parameters } as const
    const detector = new PartitionDetector({ allowedLatenessMs: 0, maxFutureSkewMs: 0 }, [
      ruleInForce(version, 'active', RULE_KINDS),
    ])
    const atMs = Date.UTC(2026, 0, 1)
    const event = (n: number, user_id: string | null) => ({
      event_id: `e${n}`,
      event_ts: atMs,
      ingest_ts: atMs,
      session_id: 's',
      user_id,
      item_id: null,
    })
    detector.process(event(1, 'anna'), 0, atMs)
    detector.process(event(2, '-'), 1, atMs)
    detector.process(event(3, ''), 2, atMs)
    assert.deepEqual(
      detector.takeChanges().map(({ userId }) => userId),
      ['anna'],
    )
    assert.deepEqual(
      detector.takeUpdates().map(({ userId }) => userId),
      ['anna'],
    )
  })
})
