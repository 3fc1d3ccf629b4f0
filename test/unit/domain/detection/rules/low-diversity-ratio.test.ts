import assert from 'node:assert/strict'
import fc from 'fast-check'
import { RULE_KINDS } from '../../../../../domain/detection/rule-kinds.js'
import { ruleInForce } from '../../../../../domain/detection/rule.js'

const PARAMETERS = { windowMs: 300_000, slideMs: 60_000, minEvents: 200, maxDistinctRatio: 0.05 }
const parse = (change: Record<string, unknown>) => {
  const parameters = { ...PARAMETERS, ...change }
  const version = { ruleId: 'ratio', version: 1, kind: 'LOW_DIVERSITY_RATIO', state: 'active', parameters } as const
  return ruleInForce(version, 'active', RULE_KINDS)
}

describe('LOW_DIVERSITY_RATIO', () => {
  it('reads its window, slide and fewest events', () => {
    const { window, condition } = parse({})
    assert.deepEqual(window, { sizePanes: 30, slidePanes: 6 })
    assert.equal(condition.minEvents, 200)
    assert.deepEqual([199, 200, 219, 220].map(condition.maxDistinct), [9, 10, 10, 11])
  })

  it('allows the whole number of items that the ratio says, however the decimal is stored', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 1, max: 10_000_000 }), (permille, events) => {
        const { condition } = parse({ maxDistinctRatio: permille / 1_000 })
        assert.equal(condition.maxDistinct(events), Number((BigInt(permille) * BigInt(events)) / 1_000n))
      }),
      {
        numRuns: 2_000,
        examples: [
          [570, 100],
          [290, 100],
          [70, 100],
          [1_000, 9_999_999],
          [0, 1],
        ],
      },
    )
  })

  it('allows no fewer items to more events: a window that holds can only fail by a new item', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat({ max: 1_000_000 }),
        (maxDistinctRatio, events) => {
          const { maxDistinct } = parse({ maxDistinctRatio }).condition
          assert.ok(maxDistinct(events) <= maxDistinct(events + 1) && maxDistinct(events) <= events)
        },
      ),
    )
  })

  for (const [name, bad] of [
    ['maxDistinctRatio', [undefined, '0.1', -0.01, 1.01, Number.NaN]],
    ['minEvents', [undefined, 0, 1e10]],
    ['windowMs', [undefined, 0, 3_610_000]],
    ['slideMs', [undefined, 0]],
  ] as const)
    it(`refuses a ${name} that is missing or out of bounds, naming it`, () => {
      for (const value of bad) assert.throws(() => parse({ [name]: value }), new RegExp(`${name} is a number in`))
    })

  it('refuses the parameter of another kind', () => {
    assert.throws(() => parse({ maxDistinctItems: 3 }), /no parameter maxDistinctItems; .*maxDistinctRatio/)
  })
})
