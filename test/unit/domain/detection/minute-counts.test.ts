import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FATES, type Fate } from '../../../../domain/detection/fate.js'
import { isUsableTime, MinuteCounts, MINUTE_MS, type MinuteCount } from '../../../../domain/detection/minute-counts.js'
import { propertyRuns } from '../property-runs.js'

const NOON = Date.UTC(2026, 0, 10, 12)
const NONE = { accepted: 0, duplicate: 0, late: 0, dead: 0 }

const total = (minutes: readonly MinuteCount[], fate: Fate): number =>
  minutes.reduce((sum, { counts }) => sum + counts[fate], 0)

describe('counts by minute', () => {
  it('are of event time, of [start, end) of a minute', () => {
    const counts = new MinuteCounts(10)
    counts.count('accepted', NOON, NOON + 5)
    counts.count('late', NOON + MINUTE_MS - 1, NOON + 5)
    counts.count('accepted', NOON + MINUTE_MS, NOON + 5)
    assert.deepEqual(counts.take().minutes, [
      { clock: 'event', minuteMs: NOON, counts: { ...NONE, accepted: 1, late: 1 } },
      { clock: 'event', minuteMs: NOON + MINUTE_MS, counts: { ...NONE, accepted: 1 } },
    ])
    assert.deepEqual(counts.take().minutes, [], 'what was taken is not given out again')
  })

  it('of a record without an event time that can be used are of its log append time', () => {
    const counts = new MinuteCounts(10)
    counts.count('dead', undefined, NOON + 61_000, 3)
    assert.deepEqual(counts.take().minutes, [
      { clock: 'append', minuteMs: NOON + MINUTE_MS, counts: { ...NONE, dead: 3 } },
    ])
    assert.ok(isUsableTime(NOON + 300_000, NOON, 300_000))
    assert.ok(!isUsableTime(NOON + 300_001, NOON, 300_000))
    assert.ok(!isUsableTime(0, NOON, 300_000))
    assert.ok(!isUsableTime(Number.NaN, NOON, 300_000))
  })

  it('of minutes that are not kept, or beyond the limit, are of log append time, and say so', () => {
    const counts = new MinuteCounts(2)
    counts.count('late', NOON - MINUTE_MS, NOON)
    counts.keepFrom(NOON + 1)
    counts.count('late', NOON - MINUTE_MS, NOON)
    for (const minute of [0, 1, 2, 3]) counts.count('accepted', NOON + minute * MINUTE_MS, NOON)
    const { minutes, displaced } = counts.take()
    assert.deepEqual(displaced, { tooOld: 1, overflow: 4 })
    assert.deepEqual(
      minutes.map(({ clock, minuteMs }) => [clock, (minuteMs - NOON) / MINUTE_MS]),
      [
        ['event', -1],
        ['append', 0],
      ],
    )
    assert.deepEqual(counts.take(), { minutes: [], displaced: { tooOld: 0, overflow: 0 } })
  })

  it('are of no more minutes than the limit and one, and leave nobody out', () => {
    const record = fc.record({
      fate: fc.constantFrom(...FATES),
      eventMs: fc.option(
        fc.integer({ min: 0, max: 400 }).map((minute) => NOON + minute * 30_000),
        { nil: undefined },
      ),
      appendMs: fc.integer({ min: 0, max: 20 }).map((minute) => NOON + minute * 30_000),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(record, { maxLength: 300 }), (maxMinutes, records) => {
        const counts = new MinuteCounts(maxMinutes)
        for (const { fate, eventMs, appendMs } of records) counts.count(fate, eventMs, appendMs)
        const { minutes } = counts.take()
        assert.ok(minutes.length <= maxMinutes + 1)
        for (const fate of FATES) assert.equal(total(minutes, fate), records.filter((one) => one.fate === fate).length)
      }),
      { numRuns: propertyRuns },
    )
  })
})
