import assert from 'node:assert/strict'
import { PartitionDetector } from '../../../../../domain/detection/partition-detector.js'
import type { RuleInForce } from '../../../../../domain/detection/rule.js'
import { RULE_KINDS } from '../../../../../domain/detection/rule-kinds.js'
import { restoreHead, takeHead } from '../../../../../domain/detection/snapshot/head.js'
import { GuardianError } from '../../../../../domain/errors.js'
import { asInForce, oracleRule } from '../random-log.js'

const NOON = Date.UTC(2026, 9, 1, 12)
const POLICY = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
const RULE = oracleRule('r', 'shadow', 7, { windowMs: 10_000, slideMs: 10_000, minEvents: 1 })

const stored = ({ condition, ...rule }: RuleInForce) => ({ ...rule, minEvents: condition.minEvents })
const hasCode = (code: string) => (error: unknown) => error instanceof GuardianError && error.code === code

describe('takeHead and restoreHead', () => {
  it('keeps watermark, counts, rules and open windows', () => {
    const detector = new PartitionDetector(POLICY, [asInForce(RULE)])
    const event = { event_id: 'e', event_ts: NOON, ingest_ts: NOON - 1, session_id: 's', user_id: null, item_id: null }
    detector.process(event, 5, NOON + 1)
    detector.process(event, 6, NOON + 2)
    detector.countDead()
    const again = restoreHead(takeHead(detector), POLICY, RULE_KINDS)
    assert.equal(again.watermarkMs, NOON - 30_000)
    assert.deepEqual(again.counts, { accepted: 1, duplicate: 1, late: 0, dead: 1 })
    assert.deepEqual(again.rules.map(stored), detector.rules.map(stored))
    const [window] = [...again.openWindows.all()]
    assert.deepEqual(
      [window?.sessionId, window?.rule.version, window?.producedMs, window?.kafkaMs],
      ['s', 7, NOON - 1, NOON + 1],
    )
    assert.deepEqual(window?.crossed, { event_id: 'e', offset: 5, events: 1, distinct_items: 0 })
  })

  it('is text that a person can read', () => {
    const head = JSON.parse(takeHead(new PartitionDetector(POLICY, [asInForce(RULE)]))) as Record<string, unknown>
    assert.deepEqual(Object.keys(head), ['format', 'watermarkMs', 'keptFromPane', 'counts', 'rules', 'open'])
    assert.equal(head['watermarkMs'], null)
  })

  for (const text of ['', '{', 'null', '7', '[]', '{}', '{"format":2}', '{"format":"1"}', '{"format":1}'])
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => restoreHead(text, POLICY, RULE_KINDS), hasCode('GRD_SNAPSHOT_REFUSED'))
    })

  it('refuses a head that is cut off at any character', () => {
    const head = takeHead(new PartitionDetector(POLICY, [asInForce(RULE)]))
    for (let length = 0; length < head.length; length++)
      assert.throws(() => restoreHead(head.slice(0, length), POLICY, RULE_KINDS), hasCode('GRD_SNAPSHOT_REFUSED'))
  })

  it('names the rule that this version of the program does not have', () => {
    const head = takeHead(new PartitionDetector(POLICY, [asInForce(RULE)])).replace('HIGH_FREQUENCY', 'GONE')
    assert.throws(() => restoreHead(head, POLICY, RULE_KINDS), hasCode('GRD_BAD_RULE'))
  })
})
