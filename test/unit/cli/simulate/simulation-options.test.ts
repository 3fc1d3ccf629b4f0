import assert from 'node:assert/strict'
import { UsageError } from '../../../../cli/cli-error.js'
import { parseDuration, planSimulation } from '../../../../cli/simulate/simulation-options.js'

const NOW_MS = Date.UTC(2026, 9, 10, 12)

describe('planSimulation', () => {
  it('is live, at 200 records a second, without end, if nothing is said', () => {
    const plan = planSimulation({}, NOW_MS)
    assert.deepEqual(plan.traffic, { seed: 1, startMs: NOW_MS, recordsPerSecond: 200, clock: 'live' })
    assert.deepEqual(plan.pace, { kind: 'times_event_time', factor: 1 })
    assert.equal(plan.maxRecords, Number.POSITIVE_INFINITY)
    assert.equal(plan.endMs, Number.POSITIVE_INFINITY)
  })

  it('spreads a day, with a little to spare, and never beyond its midnight', () => {
    const plan = planSimulation({ day: '2026-10-09', events: '200000' }, NOW_MS)
    assert.equal(plan.traffic.startMs, Date.UTC(2026, 9, 9))
    assert.equal(plan.traffic.clock, 'past')
    assert.ok(plan.traffic.recordsPerSecond > 2.4 && plan.traffic.recordsPerSecond < 2.6)
    assert.equal(plan.endMs, Date.UTC(2026, 9, 10))
    assert.deepEqual(plan.pace, { kind: 'as_fast_as_it_goes' })
  })

  it('keeps a pace by records or by event time', () => {
    const pace = (words: object) => planSimulation({ day: '2026-10-09', ...words }, NOW_MS).pace
    assert.deepEqual(pace({ rate: '5000' }), { kind: 'records_per_second', rate: 5_000 })
    assert.deepEqual(pace({ speedUp: '60' }), { kind: 'times_event_time', factor: 60 })
    assert.deepEqual(pace({ speedUp: 'max' }), { kind: 'as_fast_as_it_goes' })
  })

  for (const words of [
    { live: true, day: '2026-10-09' },
    { rate: '5', speedUp: '2' },
    { speedUp: '10' },
    { day: '2026-10-10' },
    { day: '2027-01-01' },
    { day: '1999-12-31' },
    { day: '2026-02-30' },
    { day: 'yesterday' },
    { day: '2026-10-09', duration: '25h' },
    { events: '0' },
    { events: '10.5' },
    { events: '' },
    { rate: '0' },
    { rate: '-1' },
    { seed: 'x' },
    { duration: '10 minutes' },
    { duration: '0s' },
  ])
    it(`refuses ${JSON.stringify(words)}`, () => {
      assert.throws(() => planSimulation(words, NOW_MS), UsageError)
    })

  it('reads durations', () => {
    const of = (...texts: string[]) => texts.map(parseDuration)
    assert.deepEqual(of('90s', '10m', '24h', '1d', '500ms', '30', '1.5h'), [
      ...[90_000, 600_000, 86_400_000, 86_400_000, 500, 30_000, 5_400_000],
    ])
  })
})
