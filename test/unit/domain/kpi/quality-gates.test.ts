import assert from 'node:assert/strict'
import { figuresOf, METRIC_NAMES, type DayFigures, type MetricName } from '../../../../domain/kpi/figures.js'
import type { DayQuarantine, QuarantineReason } from '../../../../domain/kpi/quarantine.js'
import { checkFigures, NEEDED_FIELDS, type DayInputs, type MissingField } from '../../../../domain/kpi/quality-gates.js'

const NONE: DayQuarantine = { waiting: [], dropped: 0, places: [] }
const INPUTS: DayInputs = {
  ...{ namedRows: 12, readRows: 12, nulls: [], unknownTypes: 0, recentEvents: [] },
  ...{ quarantine: NONE, maxQuarantined: 100 },
}

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
    const sane = { broken: [], remedies: [], warnings: [], isUnusual: false }
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

  const waiting = (reason: QuarantineReason, field: string | null, records: number): DayQuarantine => ({
    ...{ waiting: [{ reason, field, records }], dropped: 0 },
    places: ['purchases/0 offset 7', 'purchases/0 offset 9'],
  })

  it('keeps a day back of which a producer left out a field, and no day for a few records', () => {
    const many = sound()
    Object.assign(many.metrics.all, { events: 3_000, page_views: 2_994, purchases: 3_000 })
    Object.assign(many.metrics.clean, { events: 2_994, page_views: 2_994, purchases: 3_000 })
    const of = (field: string, records: number) =>
      checkFigures(many, { ...INPUTS, quarantine: waiting('MISSING_FIELD', field, records) })
    for (const field of NEEDED_FIELDS) {
      assert.deepEqual(of(field, 30), { broken: [], remedies: [], warnings: [], isUnusual: false })
      const { broken: faults, remedies } = of(field, 31)
      const text = new RegExp(`^31 of 3031 (clicks|purchases) have no ${field} .purchases/0 offset 7, .* and 29 more`)
      assert.match(faults.join(), text)
      assert.match(remedies.join(), /quarantine list --day DAY.*quarantine drop --day DAY --reason MISSING_FIELD/)
    }
    // Of a shop with ten purchases a day, a single one is more than a hundredth.
    const few = checkFigures(sound(), { ...INPUTS, quarantine: waiting('MISSING_FIELD', 'currency', 20) })
    assert.deepEqual(few.broken, [])
    const more = checkFigures(sound(), { ...INPUTS, quarantine: waiting('MISSING_FIELD', 'currency', 21) })
    assert.match(more.broken.join(), /21 of 23 purchases have no currency/)
  })

  it('publishes without any share of records that break a sum, up to as many as may be quarantined', () => {
    const of = (records: number) =>
      checkFigures(sound(), { ...INPUTS, quarantine: waiting('REVENUE_OVERFLOW', null, records) })
    assert.deepEqual(of(100).broken, [])
    assert.match(of(101).broken.join(), /101 records break a sum.*at most 100.*KPI_QUARANTINE_MAX_RECORDS/)
    assert.match(of(101).remedies.join(), /quarantine drop --day DAY`/)
  })

  it('counts a click without a known type that a decision has released, and warns of it', () => {
    const figures = sound()
    Object.assign(figures.metrics.all, { events: 12 })
    Object.assign(figures.metrics.clean, { events: 6 })
    const nulls: readonly MissingField[] = [{ field: 'event_type', events: 1 }]
    const { broken: faults, warnings } = checkFigures(figures, { ...INPUTS, nulls, unknownTypes: 1 })
    assert.deepEqual([faults, warnings], [[], ['1 of 12 clicks have no event_type: they are not in all figures']])
    assert.match(checkFigures(figures, { ...INPUTS, nulls }).broken.join(), /12 events, but 10 by type/)
  })
})
