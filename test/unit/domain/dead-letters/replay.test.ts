import assert from 'node:assert/strict'
import {
  checkFilter,
  isSelected,
  replayOutcome,
  type DeadLetter,
  type DeadLetterFilter,
  type ReplayFacts,
} from '../../../../domain/dead-letters/replay.js'

const letter = (more: Partial<DeadLetter> = {}): DeadLetter => ({
  ...{ partition: 2, offset: 40, appendMs: 1_000, code: 'DECODE', topic: 'km.clicks.v1', attempts: 0 },
  ...more,
})

describe('isSelected', () => {
  for (const [filter, selects] of [
    [{}, true],
    [{ code: 'DECODE' }, true],
    [{ code: 'INVALID' }, false],
    [{ topic: 'km.purchases.v1' }, false],
    [{ fromMs: 1_000, toMs: 1_001 }, true],
    [{ toMs: 1_000 }, false],
    [{ fromMs: 1_001 }, false],
    [{ record: { partition: 2, offset: 40 } }, true],
    [{ record: { partition: 2, offset: 41 } }, false],
    [{ record: { partition: 1, offset: 40 } }, false],
  ] as readonly (readonly [DeadLetterFilter, boolean])[])
    it(`${JSON.stringify(filter)}: ${selects}`, () => assert.equal(isSelected(filter, letter()), selects))
})

describe('checkFilter', () => {
  it('refuses what can select nothing', () => {
    for (const filter of [{ fromMs: 5, toMs: 5 }, { record: { partition: 0, offset: -1 } }])
      assert.throws(() => checkFilter(filter), { code: 'GRD_BAD_INPUT' })
    checkFilter({ fromMs: 5, toMs: 6, record: { partition: 0, offset: 0 } })
  })
})

describe('replayOutcome', () => {
  const of = (facts: Partial<ReplayFacts>, more: Partial<DeadLetter> = {}) =>
    replayOutcome(letter(more), { isReplayed: false, hasOrigin: true, fault: undefined, maxAttempts: 3, ...facts })

  it('sends back what would be taken now, and nothing else', () => {
    assert.equal(of({}), 'replayed')
    assert.equal(of({ fault: 'DECODE' }), 'unfit')
    assert.equal(of({ hasOrigin: false }), 'no_origin')
  })

  it('sends nothing back twice', () => assert.equal(of({ isReplayed: true }), 'already_replayed'))

  it('parks what has come back as often as it may', () => {
    assert.equal(of({}, { attempts: 2 }), 'replayed')
    assert.equal(of({}, { attempts: 3 }), 'parked')
  })
})
