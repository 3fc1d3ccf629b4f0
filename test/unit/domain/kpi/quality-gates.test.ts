import assert from 'node:assert/strict'
import { figuresOf, METRIC_NAMES, type DayFigures, type MetricName } from '../../../../domain/kpi/figures.js'
import { checkFigures, NEEDED_FIELDS, type DayInputs, type MissingField } from '../../../../domain/kpi/quality-gates.js'

const INPUTS: DayInputs = { namedRows: 12, readRows: 12, nulls: [], recentEvents: [] }

/** A day of ten clicks of two sessions, one of them flagged, and two purchases. */
function sound(): DayFigures {
  const row = (traffic: string, counts: Partial<Record<MetricName, number>>) => ({
    traffic,
    ...Object.fromEntries(METRIC_NAMES.map((name) => [name, 0])),
    ...counts,
  })
  return figuresOf({
    metrics: [
      row('all', {
        ...{ events: 10, sessions: 2, users: 1, page_views: 4, item_views: 6 },
        ...{ purchases: 2, orders: 1, units_sold: 3, buying_sessions: 1, session_ms: 90 },
      }),
      row('clean', {
        ...{ events: 4, sessions: 1, users: 1, page_views: 4 },
        ...{ purchases: 2, orders: 1, units_sold: 3, buying_sessions: 1, session_ms: 60 },
      }),
      row('flagged', { events: 6, sessions: 1, users: 1, item_views: 6, session_ms: 30 }),
    ],
    revenue: [{ traffic: 'all', currency: 'EUR', amount: '300' }],
    items: [{ traffic: 'all', ranking: 'purchases', place: 1, item_id: 'i1', amount: 3 }],
    funnel: [{ traffic: 'all', step: 'viewed', sessions: 1 }],
  })
}

const broken = (change: (figures: DayFigures) => unknown, inputs = INPUTS): readonly string[] => {
  const figures = JSON.parse(JSON.stringify(sound())) as DayFigures
  change(figures)
  return checkFigures(figures, inputs).broken
}

describe('checkFigures', () => {
  it('lets figures pass that add up, also those of a day without events', () => {
    const sane = { broken: [], warnings: [], isUnusual: false }
    assert.deepEqual(checkFigures(sound(), INPUTS), sane)
    const none = figuresOf({ metrics: [], revenue: [], items: [], funnel: [] })
    assert.deepEqual(checkFigures(none, { ...INPUTS, namedRows: 0, readRows: 0 }), sane)
  })

  it('finds each thing that does not', () => {
    const set = (of: object, name: string, value: number) => Reflect.set(of, name, value)
    const cases: [(figures: DayFigures) => unknown, RegExp][] = [
      [({ metrics }) => set(metrics.all, 'page_views', 5), /all: 10 events, but 11 by type/],
      [({ metrics }) => set(metrics.clean, 'sessions', 2), /sessions: 2 clean and 1 flagged are not 2/],
      [({ metrics }) => set(metrics.all, 'buying_sessions', 3), /more buying sessions than sessions/],
      [({ metrics }) => set(metrics.all, 'orders', 3), /more orders than purchases/],
      [({ metrics }) => set(metrics.all.revenue, 'EUR', 2 ** 60), /EUR is no whole number below 2\^53/],
      [({ funnel }) => set(funnel.all, 'carted', 2), /the funnel widens: 1, 2, 0, 0 of 2/],
      [({ items }) => set(items[0] ?? {}, 'amount', 4), /items by purchases are more than units_sold/],
    ]
    for (const [change, fault] of cases) assert.match(broken(change).join('\n'), fault)
    assert.match(broken(() => 0, { ...INPUTS, readRows: 11 }).join(), /names 12 rows, and the files have 11/)
  })

  it('only warns of what is unusual, and only when it knows what is usual', () => {
    const warnings = (recentEvents: number[]) => checkFigures(sound(), { ...INPUTS, recentEvents }).warnings
    assert.deepEqual(warnings([1_000, 1_000]), [])
    assert.deepEqual(warnings([40, 60, 30]), [])
    assert.deepEqual(warnings([60, 61, 62]), ['12 events, where 61 are usual'])
    assert.deepEqual(warnings([1, 2, 2]), ['12 events, where 2 are usual'])
    assert.deepEqual(
      [
        [61, 61, 61],
        [12, 12, 12],
      ].map((recentEvents) => checkFigures(sound(), { ...INPUTS, recentEvents }).isUnusual),
      [true, false],
    )
  })

  it('keeps a day back of which many events lack a field, and tells of a few', () => {
    const many = sound()
    Object.assign(many.metrics.all, { events: 1_000, page_views: 994, purchases: 1_000 })
    Object.assign(many.metrics.clean, { events: 994, page_views: 994, purchases: 1_000 })
    const of = (field: MissingField['field'], events: number) =>
      checkFigures(many, { ...INPUTS, nulls: [{ field, events }] })
    for (const field of NEEDED_FIELDS) {
      assert.deepEqual(of(field, 0), { broken: [], warnings: [], isUnusual: false })
      assert.deepEqual(of(field, 10).broken, [])
      assert.match(
        of(field, 10).warnings.join(),
        new RegExp(`10 of 1000 (clicks|purchases) have no ${field}: they are`),
      )
      assert.match(of(field, 11).broken.join(), new RegExp(`11 of 1000 (clicks|purchases) have no ${field}$`))
    }
  })
})
