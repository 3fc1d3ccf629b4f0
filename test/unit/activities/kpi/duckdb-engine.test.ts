import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DayAnswer, DayQuestion } from '../../../../activities/kpi/kpi-engine.js'
import { DuckDbEngine } from '../../../../activities/kpi/duckdb-engine.js'
import { figuresOf, netOf, type DayFigures } from '../../../../domain/kpi/figures.js'
import { unfitRecordsOf, type KnownRecord, type QuarantineState } from '../../../../domain/kpi/quarantine.js'
import type { MissingField } from '../../../../domain/kpi/quality-gates.js'
import { openDuckDb, sqlText } from '../../../../platform/duckdb/duckdb.js'
import { columnsOf } from '../../../../workers/archiver/event-columns.js'
import { withScratchDuckDb } from '../../../../platform/duckdb/scratch-duckdb.js'

const DAY = Date.UTC(2026, 9, 1)
const END = DAY + 86_400_000

/** Sums alone decide. */
const NO_BOUNDS = { quantity: 2_147_483_648, amount: 1e30 } as const

interface ClickRow {
  readonly id: string
  readonly at: number
  readonly session: string
  readonly type: string | undefined
  readonly user?: string
  readonly item?: string
}

interface PurchaseRow {
  readonly id: string
  readonly at: number
  readonly session: string
  readonly order: string
  readonly item: string
  readonly quantity: number | undefined
  readonly price: number | string
  readonly currency: string | undefined
}

const text = (value: string | undefined): string => (value === undefined ? 'NULL' : sqlText(value))
const clickValues = ({ id, at, session, type, user, item }: ClickRow, offset: number): string =>
  `(0, ${offset}, ${at}, ${text(id)}, ${at}, ${at}, 'shop', ${text(session)}, ${text(user)}, ${text(item)}, ${text(type)}, '/', NULL, NULL, NULL)`
const purchaseValues = (p: PurchaseRow, offset: number): string =>
  `(0, ${offset}, ${p.at}, ${text(p.id)}, ${p.at}, ${p.at}, 'shop', ${text(p.session)}, NULL, ${text(p.item)}, ${text(p.order)}, ${p.quantity ?? 'NULL'}, ${p.price}, ${text(p.currency)})`

describe('DuckDbEngine', function () {
  this.timeout(30_000)
  const folder = mkdtempSync(join(tmpdir(), 'guardian-engine-'))
  after(() => rmSync(folder, { recursive: true }))
  let files = 0
  let last: DayAnswer
  /** What the last answer left out. */
  const found = () =>
    unfitRecordsOf(last.unfit).map((one) => `${one.dataset} ${one.eventId} ${one.reason} ${one.field}`)
  /** In the last answer. */
  let missing: readonly MissingField[] = []

  const write = async (dataset: 'clicks' | 'purchases', values: readonly string[]): Promise<string> => {
    const { value: db, stop } = await openDuckDb({ memoryLimitBytes: 1e8, threads: 1, spillFolder: folder })
    const path = join(folder, `it's ${++files}.parquet`)
    await db.run(`CREATE TABLE t (${columnsOf(dataset)})`)
    await db.run(`INSERT INTO t VALUES ${values.join(',')}`)
    await db.run(`COPY t TO ${sqlText(path)} (FORMAT parquet)`)
    await stop()
    return path
  }

  const figures = async (
    clicks: readonly ClickRow[],
    purchases: readonly PurchaseRow[] = [],
    flagged: readonly string[] = [],
    more: Partial<DayQuestion> = {},
  ): Promise<DayFigures> => {
    const question = {
      clickFiles: clicks.length === 0 ? [] : [await write('clicks', clicks.map(clickValues))],
      purchaseFiles: purchases.length === 0 ? [] : [await write('purchases', purchases.map(purchaseValues))],
      flaggedSessions: flagged,
      fromMs: DAY,
      toMs: END,
      known: [],
      mostUnfit: 100,
      ...more,
    }
    const answer = await new DuckDbEngine({ memoryLimitBytes: 2e8, threads: 2 }).compute(question)
    assert.equal(answer.readRows, clicks.length + purchases.length)
    last = answer
    missing = answer.nulls.filter(({ events }) => events > 0)
    return figuresOf(answer)
  }

  const click = (id: string, at: number, type = 'page_view', more: Partial<ClickRow> = {}): ClickRow => ({
    id,
    at: DAY + at,
    session: 's1',
    type,
    ...more,
  })

  it('counts the events from midnight to midnight, each event_id once: the one that is first in the log', async () => {
    const { metrics } = await figures([
      click('a', 0),
      click('b', 86_399_999),
      click('c', 86_400_000),
      click('d', -1),
      click('a', 5, 'checkout'),
    ])
    const { events, page_views, checkouts, session_ms } = metrics.all
    assert.deepEqual([events, page_views, checkouts, session_ms], [2, 2, 0, 86_399_999])
  })

  it('counts a user of a clean and of a flagged session in both kinds of traffic, and once in all', async () => {
    const { metrics } = await figures(
      [click('a', 1, 'page_view', { user: 'u' }), click('b', 2, 'page_view', { user: 'u', session: "o'x" })],
      [],
      ["o'x", 'of another day'],
    )
    const counts = [metrics.all, metrics.clean, metrics.flagged].map(({ users, sessions }) => [users, sessions])
    assert.deepEqual(counts, [
      [1, 2],
      [1, 1],
      [1, 1],
    ])
  })

  it('lets a session pass the funnel in time order only', async () => {
    const steps = (session: string, times: Record<string, number>): ClickRow[] =>
      Object.entries(times).map(([type, at]) => click(`${session}${type}`, at, type, { session }))
    const purchase = (session: string, at: number): PurchaseRow => ({
      id: `${session}p`,
      at: DAY + at,
      ...{ session, order: session, item: 'i', quantity: 2, price: 150, currency: 'EUR' },
    })
    const { funnel, metrics, items } = await figures(
      [
        ...steps('whole', { item_view: 1, add_to_cart: 2, checkout: 2 }),
        ...steps('backwards', { checkout: 1, add_to_cart: 2, item_view: 3 }),
        ...steps('no view', { add_to_cart: 2, checkout: 3 }),
        ...steps('paid too early', { item_view: 5, add_to_cart: 6, checkout: 7 }),
      ],
      [purchase('whole', 2), purchase('paid too early', 6), purchase('no view', 9)],
    )
    assert.deepEqual(funnel.all, { viewed: 3, carted: 2, checked_out: 2, purchased: 1 })
    assert.deepEqual([metrics.all.revenue, metrics.all.units_sold, metrics.all.orders], [{ EUR: 900 }, 6, 3])
    assert.deepEqual(
      items.filter(({ ranking, traffic }) => ranking === 'purchases' && traffic === 'all').map(({ amount }) => amount),
      [6],
    )
  })

  const sale = (id: string, quantity: number | undefined, price: number | string, more: Partial<PurchaseRow> = {}) => ({
    ...{ id, at: DAY, session: 's', order: id, item: 'i', quantity, price, currency: 'EUR', ...more },
  })

  it('keeps currencies apart', async () => {
    const { metrics } = await figures([], [sale('a', 3, 7), sale('b', 3, 5, { currency: 'JPY' })])
    assert.deepEqual([metrics.all.revenue, found()], [{ EUR: 21, JPY: 15 }, []])
  })

  it('tells returns from sales: gross, returned and net, and neither an order nor the end of a funnel', async () => {
    const steps = ['item_view', 'add_to_cart', 'checkout'].map((type, i) => click(type, i, type, { session: 'back' }))
    const sales = Array.from({ length: 100 }, (_, n) => sale(`o${n}`, 1, 1_000))
    const back = { session: 'back', order: 'r1', at: DAY + 9 }
    const { metrics, items, funnel } = await figures(steps, [...sales, sale('r', -50, 1_000, back)])
    const { purchases, orders, units_sold, returns, units_returned, buying_sessions, sessions } = metrics.all
    assert.deepEqual([purchases, orders, units_sold, returns, units_returned], [100, 100, 100, 1, 50])
    assert.deepEqual([buying_sessions, sessions, funnel.all.purchased], [1, 2, 0])
    assert.deepEqual([metrics.all.revenue, metrics.all.returned], [{ EUR: 100_000 }, { EUR: 50_000 }])
    assert.deepEqual(netOf(metrics.all), { EUR: 50_000 })
    const sold = items.filter(({ ranking, traffic }) => ranking === 'purchases' && traffic === 'all')
    assert.deepEqual(
      sold.map(({ amount }) => amount),
      [100],
    )
    assert.deepEqual(found(), [])
  })

  it('leaves out what lacks a field, once: repeats and other days are not asked', async () => {
    const without = (id: string, at = DAY) => sale(id, 1, 1, { at, currency: undefined })
    const { metrics } = await figures(
      [click('a', 1), click('b', 2, '', { type: undefined }), click('c', 3, 'wish')],
      [without('p'), without('p'), sale('whole', 1, 5), without('r', END), sale('q', undefined, 1)],
    )
    assert.deepEqual([metrics.all.events, metrics.all.purchases, metrics.all.revenue], [1, 1, { EUR: 5 }])
    assert.deepEqual(found(), [
      'clicks b MISSING_FIELD event_type',
      'clicks c UNKNOWN_EVENT_TYPE null',
      'purchases p MISSING_FIELD currency',
      'purchases q MISSING_FIELD quantity',
    ])
    assert.deepEqual(missing, [])
  })

  it('leaves out what is beyond the bounds of a valid purchase: it was archived before there were any', async () => {
    const { metrics } = await figures(
      [],
      [
        ...[sale('a', 1_000_000, 1_000_000), sale('b', -1_000_000, 1_000_000), sale('c', 1, 1e12)],
        ...[sale('d', 1_000_001, 1), sale('e', -2_147_483_648, 1), sale('f', 1, 1e12 + 1), sale('g', 2, 1e12)],
        sale('h', 1, -1),
      ],
    )
    assert.deepEqual([metrics.all.revenue, metrics.all.returned], [{ EUR: 2e12 }, { EUR: 1e12 }])
    assert.deepEqual(found(), [
      ...['purchases d OUT_OF_BOUNDS quantity', 'purchases e OUT_OF_BOUNDS quantity'],
      ...[
        'purchases f OUT_OF_BOUNDS unit_price',
        'purchases g OUT_OF_BOUNDS amount',
        'purchases h OUT_OF_BOUNDS unit_price',
      ],
    ])
    // A person may let one count all the same, the least quantity that there is included.
    const known: KnownRecord = {
      ...{ dataset: 'purchases', partition: 0, offset: 0, eventMs: DAY, sessionId: 's', state: 'released' },
      ...{ reason: 'OUT_OF_BOUNDS', field: 'quantity' },
    }
    const released = await figures([], [sale('e', -2_147_483_648, 1)], [], { known: [known] })
    assert.deepEqual([released.metrics.all.units_returned, found()], [2_147_483_648, []])
  })

  it('leaves out the largest amounts of a currency, equal ones together, until its sum holds the others', async () => {
    const max = Number.MAX_SAFE_INTEGER
    const cases: [PurchaseRow[], Record<string, number>, string[]][] = [
      [[sale('case', 2_147_483_647, max - 1), sale('a', 2, 100)], { EUR: 200 }, ['case']],
      [[sale('x', 1, 9e15), sale('a', 2, 100), sale('y', 1, 9e15)], { EUR: 200 }, ['x', 'y']],
      [[sale('x', 1, max - 200), sale('a', 2, 100)], { EUR: max }, []],
      [[sale('x', 1, max - 199), sale('a', 2, 100)], { EUR: 200 }, ['x']],
      [[sale('x', 1, max), sale('a', 1, max, { currency: 'USD' })], { EUR: max, USD: max }, []],
      [[sale('x', -1, max), sale('y', 1, 1)], { EUR: 1 }, ['x']],
      [[sale('x', 1, '9223372036854775807'), sale('y', 1, 1)], { EUR: 1 }, ['x']],
      [[sale('x', -2_147_483_648, '9223372036854775807'), sale('y', 1, 1)], { EUR: 1 }, ['x']],
    ]
    for (const [purchases, revenue, left] of cases) {
      const { metrics } = await figures([], purchases, [], { bounds: NO_BOUNDS })
      assert.deepEqual(metrics.all.revenue, revenue)
      assert.deepEqual(
        found(),
        left.map((id) => `purchases ${id} REVENUE_OVERFLOW null`),
      )
    }
    assert.deepEqual(last.unfit[0]?.['amount'], String(2n ** 31n * (2n ** 63n - 1n)))
    // Of many that are each in order, too: some of the day's largest wait, the others are published.
    const many = Array.from({ length: 2_000 }, (_, i) => sale(`m${i}`, 1, 5e12 + i))
    const { metrics } = await figures([], many, [], { bounds: NO_BOUNDS })
    assert.deepEqual([metrics.all.purchases, last.unfitCounts[0]?.['records'], last.unfit.length], [1_801, 199, 100])
  })

  it('leaves out the largest quantities until the units hold the others', async () => {
    const most = { quantity: 2_147_483_647, price: 0 }
    const many = Array.from({ length: 10 }, (_, i) => sale(`m${i}`, 1 + i, 0))
    const { metrics } = await figures([], many, [], { maxSum: 50 })
    assert.deepEqual([metrics.all.units_sold, found()], [45, ['purchases m9 UNITS_OVERFLOW null']])
    assert.equal(
      (await figures([], [sale('z', most.quantity, most.price)], [], { bounds: NO_BOUNDS })).metrics.all.units_sold,
      most.quantity,
    )
  })

  it('leaves out what waits for a decision or was dropped, and counts what was released where it fits', async () => {
    const known = (offset: number, state: QuarantineState): KnownRecord => ({
      ...{ dataset: 'purchases', partition: 0, offset, eventMs: DAY, sessionId: 's', state },
      ...{ reason: 'REVENUE_OVERFLOW', field: null },
    })
    const rows = [sale('a', 1, 1), sale('x', 1, 9e15), sale('y', 1, 9e15), sale('n', 1, 1, { currency: undefined })]
    const run = async (...decided: KnownRecord[]) => {
      const { metrics } = await figures([], rows, [], { known: decided, bounds: NO_BOUNDS })
      return [metrics.all.purchases, metrics.all.revenue['EUR'], found()]
    }
    const withoutCurrency = 'purchases n MISSING_FIELD currency'
    assert.deepEqual(await run(known(1, 'quarantined'), known(2, 'dropped')), [1, 1, [withoutCurrency]])
    assert.deepEqual(await run(known(1, 'released'), known(2, 'dropped')), [2, 9e15 + 1, [withoutCurrency]])
    assert.deepEqual(await run(known(1, 'released'), known(2, 'dropped'), known(3, 'released')), [3, 9e15 + 1, []])
    assert.deepEqual(missing, [{ field: 'currency', events: 1 }])
    const both = ['purchases x REVENUE_OVERFLOW null', 'purchases y REVENUE_OVERFLOW null', withoutCurrency]
    assert.deepEqual(await run(known(1, 'released'), known(2, 'released')), [1, 1, both])
    // Another log under the same name had other records at these offsets.
    assert.deepEqual(await run({ ...known(0, 'dropped'), sessionId: 'another' }), [1, 1, both])
  })

  it('ranks a hundred items at most, ties by item', async () => {
    const views = Array.from({ length: 150 }, (_, i) =>
      click(`v${i}`, i, 'item_view', { item: `i${String(i % 120).padStart(3, '0')}` }),
    )
    const { items } = await figures(views)
    const top = items.filter(({ traffic }) => traffic === 'all')
    assert.equal(top.length, 100)
    assert.deepEqual(
      [top[0], top[29], top[30]].map((item) => [item?.item_id, item?.amount]),
      [
        ['i000', 2],
        ['i029', 2],
        ['i030', 1],
      ],
    )
  })

  it('says zero of a day without files', async () => {
    const { metrics, items } = await figures([])
    assert.deepEqual([metrics.flagged.events, metrics.all.revenue, items], [0, {}, []])
  })
})

describe('a statement of DuckDB', () => {
  it('is interrupted by its signal, and no further one begins', async () => {
    const abort = new AbortController()
    const settings = { memoryLimitBytes: 268_435_456, threads: 1, signal: abort.signal }
    const startedAt = performance.now()
    await withScratchDuckDb(settings, async (db) => {
      setTimeout(() => abort.abort(), 100)
      await assert.rejects(db.run('SELECT sum(hash(i)) FROM range(1000000000000) t (i)'), /interrupt/i)
      await assert.rejects(db.run('SELECT 1'), { name: 'AbortError' })
    })
    assert.ok(performance.now() - startedAt < 5_000)
  })
})
