import assert from 'node:assert/strict'
import { RULE_KINDS } from '../../../../domain/detection/rule-kinds.js'
import { type RuleVersion, ruleInForce, rulesInForce } from '../../../../domain/detection/rule.js'
import { GuardianError } from '../../../../domain/errors.js'

const BOT: RuleVersion = {
  ruleId: 'bots',
  version: 3,
  kind: 'BOT_LIKE',
  state: 'active',
  parameters: { windowMs: 60_000, slideMs: 10_000, minEvents: 120, maxDistinctItems: 3 },
}

const parse = (change: Partial<RuleVersion>) => ruleInForce({ ...BOT, ...change }, 'active', RULE_KINDS)

const refusedWith =
  (...patterns: readonly RegExp[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof GuardianError && error.code === 'GRD_BAD_RULE', String(error))
    for (const pattern of patterns) assert.match(error.message, pattern)
    return true
  }

describe('ruleInForce', () => {
  it('reads BOT_LIKE', () => {
    const rule = parse({})
    assert.deepEqual(rule.window, { sizePanes: 6, slidePanes: 1 })
    assert.deepEqual(
      [rule.ruleId, rule.version, rule.mode, rule.kind, rule.condition.minEvents, rule.condition.maxDistinct(500)],
      ['bots', 3, 'active', 'BOT_LIKE', 120, 3],
    )
    assert.equal(rule.parameters, BOT.parameters)
  })

  it('reads HIGH_FREQUENCY, which does not look at items', () => {
    const rule = parse({ kind: 'HIGH_FREQUENCY', parameters: { windowMs: 10_000, slideMs: 10_000, minEvents: 50 } })
    assert.deepEqual(rule.window, { sizePanes: 1, slidePanes: 1 })
    assert.equal(rule.condition.maxDistinct(1), Number.POSITIVE_INFINITY)
  })

  for (const name of Object.keys(BOT.parameters))
    it(`names ${name} when it is missing or no number in bounds`, () => {
      for (const value of [undefined, null, '60000', -1, Number.NaN, Infinity, 1e12, true, {}])
        assert.throws(
          () => parse({ parameters: { ...BOT.parameters, [name]: value } }),
          refusedWith(/rule bots version 3/, new RegExp(`${name} is a number in`)),
        )
    })

  it('refuses sizes and slides that are no multiple of the pane, with the reason', () => {
    const withTimes = (windowMs: number, slideMs: number) => () =>
      parse({ parameters: { ...BOT.parameters, windowMs, slideMs } })
    assert.throws(withTimes(15_000, 10_000), refusedWith(/a window is a multiple of 10000 ms.*not 15000 ms/))
    assert.throws(withTimes(60_000, 12_500), refusedWith(/a slide is a multiple of 10000 ms.*not 12500 ms/))
    assert.throws(withTimes(60_000, 70_000), refusedWith(/a slide .*at most the window, not 70000 ms/))
    assert.throws(withTimes(3_610_000, 10_000), refusedWith(/windowMs is a number in 10000\.\.3600000/))
  })

  it('refuses a parameter that the kind does not have, naming those it has', () => {
    assert.throws(
      () => parse({ parameters: { ...BOT.parameters, minEvent: 1 } }),
      refusedWith(/no parameter minEvent;/, /minEvents/),
    )
    assert.throws(() => parse({ kind: 'HIGH_FREQUENCY' }), refusedWith(/no parameter maxDistinctItems/))
  })

  it('refuses a kind that it does not know, naming those it knows', () => {
    assert.throws(() => parse({ kind: 'bot_like' }), refusedWith(/no rule kind bot_like/, /HIGH_FREQUENCY, BOT_LIKE/))
    assert.throws(() => parse({ kind: 'toString' }), refusedWith(/no rule kind toString/))
  })

  it('does not take a parameter from the prototype', () => {
    const { minEvents: _gone, ...parameters } = BOT.parameters as Record<string, number>
    assert.equal(_gone, 120)
    assert.throws(() => parse({ parameters }), refusedWith(/minEvents/))
  })
})

describe('rulesInForce', () => {
  it('takes active and shadow versions only, in an order that does not depend on the input', () => {
    const versions: RuleVersion[] = [
      { ...BOT, version: 4, state: 'shadow' },
      { ...BOT, version: 5, state: 'draft' },
      { ...BOT, version: 2, state: 'retired' },
      BOT,
      { ...BOT, ruleId: 'a', state: 'shadow' },
    ]
    const named = (rules: readonly RuleVersion[]) =>
      rulesInForce(rules, RULE_KINDS).map(({ ruleId, version, mode }) => `${ruleId} ${version} ${mode}`)
    const expected = ['a 3 shadow', 'bots 3 active', 'bots 4 shadow']
    assert.deepEqual(named(versions), expected)
    assert.deepEqual(named(versions.toReversed()), expected)
  })

  it('does not let a bad draft stop the rest', () => {
    const draft: RuleVersion = { ...BOT, state: 'draft', kind: 'NONE' }
    assert.equal(rulesInForce([draft, BOT], RULE_KINDS).length, 1)
  })
})
