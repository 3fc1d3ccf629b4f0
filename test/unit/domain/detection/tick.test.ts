import assert from 'node:assert/strict'
import { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { ruleInForce } from '../../../../domain/detection/rule.js'
import { RULE_KINDS } from '../../../../domain/detection/rule-kinds.js'
import { tickTimeOf, tickValue } from '../../../../domain/detection/tick.js'

const T0 = 1_790_000_000_000
const RULE = ruleInForce(
  {
    ruleId: 'HIGH_FREQUENCY',
    version: 1,
    kind: 'HIGH_FREQUENCY',
    state: 'active',
    parameters: { windowMs: 10_000, slideMs: 10_000, minEvents: 3 },
  },
  'active',
  RULE_KINDS,
)

describe('a tick', () => {
  it('has its time in a value that no event has', () => {
    const value = tickValue(T0 + 0.7)
    assert.equal(tickTimeOf(value), T0)
    assert.equal(tickTimeOf(Buffer.concat([Buffer.from('xx'), value, Buffer.from('y')]), 2, 18), T0)
    assert.notEqual(value[0], 0, 'an event begins with byte 0')
    assert.equal(tickTimeOf(value.subarray(0, 15)), undefined)
    assert.equal(tickTimeOf(Buffer.concat([value, Buffer.alloc(1)])), undefined)
    for (let at = 0; at < 8; at++)
      assert.equal(tickTimeOf(value.map((byte, i) => (i === at ? byte ^ 1 : byte))), undefined)
    for (const absurd of [0, -1, 2 ** 53 - 1]) assert.equal(tickTimeOf(tickValue(absurd)), undefined)
  })

  const detector = () => {
    const made = new PartitionDetector({ allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }, [RULE])
    for (let i = 0; i < 3; i++) made.process(event(`e${i}`, T0 + i), i, T0 + i)
    assert.deepEqual(
      made.takeChanges().map(({ status }) => status),
      ['open'],
    )
    return made
  }
  const event = (event_id: string, event_ts: number) => ({
    ...{ event_id, event_ts, ingest_ts: event_ts, session_id: 's', user_id: null, item_id: null },
  })
  const END = Math.floor(T0 / 10_000) * 10_000 + 10_000

  it('closes a window as an event of its time would, and is counted under no fate', () => {
    const made = detector()
    assert.equal(made.nextEndMs, END)
    made.tick(END + 29_999, 3, END + 99_999)
    assert.deepEqual(made.takeChanges(), [])
    made.tick(END + 30_000, 4, END + 99_999)
    const [closed] = made.takeChanges()
    assert.deepEqual([closed?.status, closed?.eventCount, closed?.asOfOffset], ['confirmed', 3, 4])
    assert.equal(made.nextEndMs, Number.POSITIVE_INFINITY)
    assert.deepEqual(made.counts, { accepted: 3, duplicate: 0, late: 0, dead: 0 })
    assert.equal(made.process(event('late', END - 1), 5, END + 99_999), 'late')
    assert.equal(made.process(event('in time', END), 6, END + 99_999), 'accepted')
  })

  it('never runs ahead of its log append time, nor back', () => {
    const made = detector()
    made.tick(END + 3_600_000, 3, END + 10_000)
    assert.equal(made.watermarkMs, END + 10_000 - 30_000)
    made.tick(T0 - 1, 4, END + 99_999)
    assert.equal(made.watermarkMs, END + 10_000 - 30_000)
    assert.deepEqual(made.takeChanges(), [])
  })
})
