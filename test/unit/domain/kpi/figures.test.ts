import assert from 'node:assert/strict'
import { compareMetrics, describeChanges } from '../../../../domain/kpi/compare-figures.js'
import { staleReasons, type DayState } from '../../../../domain/kpi/day-versions.js'
import { figuresOf, METRIC_NAMES } from '../../../../domain/kpi/figures.js'
import { MAX_BACKFILL_DAYS, planBackfill } from '../../../../domain/kpi/plan-backfill.js'
import { parseUtcDay } from '../../../../domain/utc-day.js'

const metrics = (events: number, revenue: number) =>
  figuresOf({
    metrics: [{ traffic: 'all', ...Object.fromEntries(METRIC_NAMES.map((name) => [name, 1])), events }],
    revenue: [{ traffic: 'all', currency: 'EUR', amount: revenue }],
    items: [],
    funnel: [],
  }).metrics

describe('figuresOf', () => {
  it('has no NUL in its texts, which PostgreSQL would refuse', () => {
    const { items } = figuresOf({
      metrics: [],
      revenue: [],
      funnel: [],
      items: [{ traffic: 'all', ranking: 'views', place: 1, item_id: 'a\0b', amount: 1 }],
    })
    assert.equal(items[0]?.item_id, 'a\ufffdb')
  })
})

describe('what changed', () => {
  const causes = { lateRows: 312, flaggedSessionsBefore: 4, flaggedSessionsAfter: 5, otherVerdicts: true }

  it('is every metric that differs, and nothing when none does', () => {
    assert.deepEqual(compareMetrics(metrics(10, 100), metrics(10, 100)), [])
    assert.deepEqual(compareMetrics(metrics(10, 100), metrics(12, 110)), [
      { traffic: 'all', figure: 'events', before: 10, after: 12 },
      { traffic: 'all', figure: 'revenue EUR', before: 100, after: 110 },
    ])
  })

  it('is one line for people, with the cause', () => {
    assert.equal(
      describeChanges(compareMetrics(metrics(1_000, 0), metrics(1_004, 7)), causes),
      'events 1000 → 1004 (+0.4 %), revenue EUR 0 → 7, because 312 rows came since and flagged sessions 4 → 5',
    )
    assert.equal(describeChanges([], causes), 'the same figures as before')
  })
})

describe('staleReasons', () => {
  const published = {
    ...{ atMs: 0, archiveVersion: 3, archivedRows: 10 },
    ...{ flaggedDigest: 'a', flaggedSessions: 1, releasedDigest: 'r', timeZone: 'UTC' },
  }
  const state: DayState = {
    day: parseUtcDay('2026-10-01'),
    files: 1,
    archivedRows: 10,
    archiveVersion: 3,
    published,
    flaggedDigest: 'a',
    flaggedSessions: 1,
    releasedDigest: 'r',
    timeZone: 'UTC',
    isDropped: false,
  }
  it('are late data, changed verdicts, both, or that there are no figures', () => {
    assert.deepEqual(staleReasons(state), [])
    assert.deepEqual(staleReasons({ ...state, archiveVersion: 4 }), ['late_data'])
    assert.deepEqual(staleReasons({ ...state, archiveVersion: 4, flaggedDigest: 'b' }), [
      'late_data',
      'changed_verdicts',
    ])
    assert.deepEqual(staleReasons({ ...state, timeZone: 'Asia/Seoul', archiveVersion: 4 }), ['changed_time_zone'])
    assert.deepEqual(staleReasons({ ...state, releasedDigest: 's' }), ['released_records'])
    assert.deepEqual(staleReasons({ ...state, published: null }), ['never_published'])
    assert.deepEqual(staleReasons({ ...state, flaggedDigest: 'b', isDropped: true }), [])
  })
})

describe('planBackfill', () => {
  it('has every day of the range, over leap days and the ends of daylight saving time', () => {
    assert.deepEqual(planBackfill({ from: '2028-02-28', to: '2028-03-01' }), {
      days: ['2028-02-28', '2028-02-29', '2028-03-01'],
      parallel: 2,
    })
    assert.equal(planBackfill({ from: '2026-03-01', to: '2026-03-31' }).days.length, 31)
    assert.equal(planBackfill({ from: '2026-10-25', to: '2026-10-25' }).parallel, 1)
  })

  it('refuses ranges that are none, or too long', () => {
    for (const range of [
      { from: '2026-02-02', to: '2026-02-01' },
      { from: '2026-02-29', to: '2026-03-01' },
      { from: '2026-01-01', to: '2026-12-31' },
      { from: '2026-01-01', to: '2026-01-02', parallel: 9 },
    ])
      assert.throws(() => planBackfill(range), { code: 'GRD_BAD_INPUT' }, JSON.stringify(range))
    assert.equal(planBackfill({ from: '2026-01-01', to: '2026-07-19' }).days.length, MAX_BACKFILL_DAYS)
  })
})
