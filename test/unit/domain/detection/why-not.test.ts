import assert from 'node:assert/strict'
import type { Fate } from '../../../../domain/detection/fate.js'
import type { SessionStep } from '../../../../domain/detection/log-replay.js'
import { whyNot } from '../../../../domain/detection/why-not.js'
import { asInForce, oracleRule } from './random-log.js'

const NOON = Date.UTC(2026, 9, 1, 12)
const RULE = asInForce(
  oracleRule('bots', 'active', 1, { windowMs: 60_000, slideMs: 10_000, minEvents: 4, maxDistinctItems: 2 }),
)

/** Steps a second apart, each with a fate and an item; `?` has not been decoded. */
const steps = (...what: readonly (readonly [Fate, string, (number | undefined)?])[]): SessionStep[] =>
  what.map(([fate, item, atS], i) => {
    const event_ts = NOON + (atS ?? i) * 1_000
    const event = { event_id: `e${i}`, event_ts, ingest_ts: 0, session_id: 's', user_id: null, item_id: item }
    return { offset: i, appendMs: 0, event: item === '?' ? undefined : event, fate, fault: undefined, watermarkMs: 0 }
  })
const reason = (
  of: readonly SessionStep[],
  rows: readonly { ruleId: string; mode: 'active'; status: 'open' | 'retracted' }[] = [],
) => whyNot(RULE, of, rows, []).reason
const ok = (item = 'x', atS?: number) => ['accepted', item, atS] as const

describe('whyNot', () => {
  it('says that there were too few events, and how many in the fullest window', () => {
    const { reason, peak } = whyNot(RULE, steps(ok('x', 0), ok('x', 65), ok('y', 70), ok('x', 124)), [], [])
    assert.equal(reason, 'below')
    assert.deepEqual(peak, {
      startMs: NOON + 20_000,
      endMs: NOON + 80_000,
      events: 2,
      distinctItems: 2,
      maxDistinct: 2,
    })
    assert.deepEqual(whyNot(RULE, [], [], []), { reason: 'below', peak: undefined })
  })

  it('says that there were too many items, and shows the window with the fewest too many', () => {
    const { reason, peak } = whyNot(RULE, steps(ok('a'), ok('b'), ok('c'), ok('a'), ok('d', 59), ok('e', 65)), [], [])
    assert.equal(reason, 'too_diverse')
    assert.deepEqual([peak?.events, peak?.distinctItems], [4, 3])
  })

  for (const fate of ['late', 'duplicate', 'dead'] as const)
    it(`says when events that are ${fate} would have been enough`, () => {
      assert.equal(reason(steps(ok(), ok(), ok(), [fate, 'x'])), fate)
      assert.equal(reason(steps(ok(), ok(), ok(), [fate, 'x', 500])), 'below', 'in another window')
    })

  it('counts a record that could not be decoded to any window', () => {
    assert.equal(reason(steps(ok(), ok(), ok(), ['dead', '?'])), 'dead')
  })

  it('names what cost most events when only all of it together would have been enough', () => {
    assert.equal(reason(steps(ok(), ['late', 'x'], ['duplicate', 'x'], ['duplicate', 'x'])), 'duplicate')
  })

  it('says that it was flagged, also when only until the window closed; another mode is another matter', () => {
    const own = { ruleId: 'bots', mode: 'active' } as const
    const enough = steps(ok(), ok(), ok(), ok())
    assert.equal(reason(enough, [{ ...own, status: 'retracted' }]), 'retracted')
    assert.equal(
      reason(enough, [
        { ...own, status: 'retracted' },
        { ...own, status: 'open' },
      ]),
      'flagged',
    )
    assert.equal(reason(enough, [{ ...own, ruleId: 'other', status: 'open' }]), 'not_in_force')
  })

  it('blames a gap only near the session, and only for what would else be too few events', () => {
    const nearGap = (gapMs: number, of = steps(ok('x', 100), ok('x', 130))) => whyNot(RULE, of, [], [gapMs]).reason
    assert.equal(nearGap(NOON + 41_000), 'gap', 'a window may have begun before the session')
    assert.equal(nearGap(NOON + 40_000), 'below', 'they are in no window together')
    assert.equal(nearGap(NOON + 115_000), 'gap', 'in the middle')
    assert.equal(nearGap(NOON + 189_000), 'gap', 'behind it, in a window that it was in')
    assert.equal(nearGap(NOON + 190_000), 'below')
    assert.equal(nearGap(NOON, steps(ok('a'), ok('b'), ok('c'), ok('d'))), 'too_diverse')
    assert.equal(nearGap(NOON, steps(ok(), ok(), ok(), ['late', 'x'])), 'late')
  })
})
