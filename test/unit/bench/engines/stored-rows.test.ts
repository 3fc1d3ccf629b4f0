import assert from 'node:assert/strict'
import { compareRows, isRight } from '../../../../bench/engines/stored-rows.js'

const expected = [
  { session: 'a', rule: 'BOT_LIKE', startMs: 0, events: 120, items: 2 },
  { session: 'a', rule: 'HIGH_FREQUENCY', startMs: 0, events: 60, items: 9 },
]
const stored = expected.map((window) => ({ ...window, status: 'confirmed' }))
const [first, second] = stored
assert.ok(first && second)

describe('bench/engines: rows of an engine', () => {
  it('are right when all are there, in any order', () => {
    const difference = compareRows(expected, [second, first])
    assert.deepEqual(difference, { missing: 0, extra: 0, different: 0 })
    assert.ok(isRight(difference))
  })

  it('are wrong when one is missing, too many, or has other counts or was not closed', () => {
    const wrong = [
      [[first], { missing: 1, extra: 0, different: 0 }],
      [[...stored, { ...first, startMs: 10_000 }], { missing: 0, extra: 1, different: 0 }],
      [[first, { ...second, events: 59 }], { missing: 0, extra: 0, different: 1 }],
      [[first, { ...second, items: 8 }], { missing: 0, extra: 0, different: 1 }],
      [[first, { ...second, status: 'open' }], { missing: 0, extra: 0, different: 1 }],
    ] as const
    for (const [rows, difference] of wrong) {
      assert.deepEqual(compareRows(expected, rows), difference)
      assert.equal(isRight(difference), false)
    }
  })
})
