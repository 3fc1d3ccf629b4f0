import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDbEngine } from '../../../../activities/kpi/duckdb-engine.js'
import { figuresOf, type DayFigures } from '../../../../domain/kpi/figures.js'
import type { MissingField } from '../../../../domain/kpi/quality-gates.js'
import { openDuckDb, sqlText } from '../../../../platform/duckdb/duckdb.js'
import { columnsOf } from '../../../../workers/archiver/event-columns.js'

const DAY = Date.UTC(2026, 9, 1)
const END = DAY + 86_400_000

interface ClickRow {
  readonly id: string
  readonly at: number
  readonly session: string
  readonly type: string
  readonly user?: string
  readonly item?: string
}

interface PurchaseRow {
  readonly id: string
  readonly at: number
  readonly session: string
  readonly order: string
  readonly item: string
  readonly quantity: number
  readonly price: number
  readonly currency: string | undefined
}

const text = (value: string | undefined): string => (value === undefined ? 'NULL' : sqlText(value))
const clickValues = ({ id, at, session, type, user, item }: ClickRow, offset: number): string =>
  `(0, ${offset}, ${at}, ${text(id)}, ${at}, ${at}, 'shop', ${text(session)}, ${text(user)}, ${text(item)}, ${text(type)}, '/', NULL, NULL, NULL)`
const purchaseValues = (p: PurchaseRow, offset: number): string =>
  `(0, ${offset}, ${p.at}, ${text(p.id)}, ${p.at}, ${p.at}, 'shop', ${text(p.session)}, NULL, ${text(p.item)}, ${text(p.order)}, ${p.quantity}, ${p.price}, ${text(p.currency)})`

describe('DuckDbEngine', function () {
  this.timeout(30_000)
  const folder = mkdtempSync(join(tmpdir(), 'guardian-engine-'))
  after(() => rmSync(folder, { recursive: true }))
  let files = 0
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
  ): Promise<DayFigures> => {
    const question = {
      clickFiles: clicks.length === 0 ? [] : [await write('clicks', clicks.map(clickValues))],
      purchaseFiles: purchases.length === 0 ? [] : [await write('purchases', purchases.map(purchaseValues))],
      flaggedSessions: flagged,
      fromMs: DAY,
      toMs: END,
    }
    const answer = await new DuckDbEngine({ memoryLimitBytes: 2e8, threads: 2 }).compute(question)
    assert.equal(answer.readRows, clicks.length + purchases.length)
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

  it('keeps currencies apart, and amounts beyond 2^53 exact until somebody has to say that they are', async () => {
    const of = (id: string, price: number, currency: string | undefined): PurchaseRow => ({
      id,
      at: DAY,
      ...{ session: 's', order: id, item: 'i', quantity: 3, price, currency },
    })
    const { metrics } = await figures([], [of('a', 7, 'EUR'), of('b', 5, 'JPY'), of('c', 9e15, 'USD')])
    assert.deepEqual(metrics.all.revenue, { EUR: 21, JPY: 15, USD: 27e15 })
    assert.deepEqual(missing, [])
  })

  it('counts what lacks a field once: repeats and other days are not asked', async () => {
    const without = (id: string, at = DAY): PurchaseRow => ({
      ...{ id, at, session: 's', order: id, item: 'i', quantity: 1, price: 1, currency: undefined },
    })
    const { metrics } = await figures([click('a', 1)], [without('p'), without('p'), without('q'), without('r', END)])
    assert.deepEqual([metrics.all.purchases, metrics.all.revenue], [2, {}])
    assert.deepEqual(missing, [{ field: 'currency', events: 2 }])
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
