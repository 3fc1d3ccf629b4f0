import assert from 'node:assert/strict'
import type { DailyKpiResult } from '../../workflows/contract.js'
import { archivePurchases } from './archived-purchases.js'
import type { FiguresStage } from './figures-stage.js'
import { publishedFigures } from './kpi-tables.js'

const UNFIT = '2026-01-09'
const FAULTY = '2026-01-08'

interface QuarantineRecord {
  readonly id: string
  readonly eventId: string
  readonly source: string
  readonly state: string
  readonly amount: string
}

type Run = Required<DailyKpiResult['computed']>

interface Preview {
  readonly days: readonly { readonly why: string[] }[]
}

/** Tests of days that break a sum or a gate, on a stage that has nothing archived of them. Each needs those before it. */
export function daysWithUnfitRecords(shop: () => FiguresStage): void {
  const stage = () => shop().stage
  const run = (day: string) => stage().ask<Run>(['kpi', 'run', '--day', day])
  const published = (day: string) => publishedFigures(stage().db, day)
  const whyStale = async (day: string) =>
    (await stage().ask<Preview>(['kpi', 'preview', '--from', day, '--to', day])).days[0]?.why
  const noon = Date.parse(`${UNFIT}T12:00:00Z`)
  const sale = (id: string, quantity: number, price: number | string, currency: string | null = 'EUR') => ({
    ...{ id, atMs: noon, quantity, price, currency },
  })
  const listed = async (day: string) =>
    (await stage().ask<{ records: QuarantineRecord[] }>(['kpi', 'quarantine', 'list', '--day', day])).records
  const revenueOf = async (day: string) => (await published(day))['all']?.metrics['revenue']
  const idOf = async (event: string) => (await listed(UNFIT)).find(({ eventId }) => eventId === event)?.id ?? ''

  it('are published without records that break a sum, and say so', async () => {
    const absurd = sale('absurd', 2_147_483_647, '9007199254740990')
    await archivePurchases(stage(), 900, [absurd, sale('good', 2, 100), sale('x', 1, 9e15), sale('y', 1, 9e15)])
    const { quarantinedRecords, leftOut } = await run(UNFIT)
    assert.deepEqual([quarantinedRecords, await revenueOf(UNFIT)], [3, { EUR: 200 }])
    assert.match(
      leftOut.join(),
      /without 3 records in quarantine: 1 × OUT_OF_BOUNDS \(quantity\), 2 × OUT_OF_BOUNDS \(unit_price\); purchases\/900 offset 0, /,
    )
    const { currentDetails } = await shop()
      .client.workflow.getHandle(`daily-kpi:${UNFIT}`)
      .query<{ currentDetails: string }>('__temporal_workflow_metadata')
    assert.match(currentDetails, /Left out: published without 3 records/)
    assert.deepEqual(
      (await listed(UNFIT)).map(({ eventId, source, state, amount }) => [eventId, source, state, amount]),
      [
        ['absurd', 'till 7', 'quarantined', String(2_147_483_647n * 9_007_199_254_740_990n)],
        ['x', 'till 7', 'quarantined', '9000000000000000'],
        ['y', 'till 7', 'quarantined', '9000000000000000'],
      ],
    )
    assert.deepEqual(await whyStale(UNFIT), [], 'the day is up to date')
  })

  it('count a record that was released from the next run on, and refuse one that does not fit', async () => {
    const { code, stdout } = await stage().guardian(['kpi', 'quarantine', 'release', await idOf('absurd')])
    assert.deepEqual([code, /refused: its amount of \d+ .* would exceed 9007199254740991/.test(stdout)], [1, true])
    await stage().ask(['kpi', 'quarantine', 'drop', await idOf('absurd'), await idOf('y'), '--comment', 'a test'])
    assert.deepEqual(await whyStale(UNFIT), [], 'what was left out stays left out')
    await stage().ask(['kpi', 'quarantine', 'release', await idOf('x')])
    assert.deepEqual(await whyStale(UNFIT), ['released_records'])
    const { quarantinedRecords, droppedRecords, leftOut } = await run(UNFIT)
    assert.deepEqual([quarantinedRecords, droppedRecords, await revenueOf(UNFIT)], [0, 2, { EUR: 9e15 + 200 }])
    assert.match(leftOut.join(), /without 2 records that a decision has dropped/)
    assert.deepEqual(await whyStale(UNFIT), [])
    const { rows } = await stage().db.query<{ action: string }>(
      `SELECT a.action FROM audit_log a WHERE a.action LIKE 'quarantine.%' ORDER BY a.seq`,
    )
    assert.deepEqual(
      rows.map(({ action }) => action),
      ['quarantine.drop', 'quarantine.drop', 'quarantine.release'],
    )
  })

  it('are not published when a producer is at fault: the message names the records and the remedy', async () => {
    const many = Array.from({ length: 30 }, (_, i) => ({ ...sale(`m${i}`, 1, 1, null), atMs: noon - 86_400_000 }))
    await archivePurchases(stage(), 900, many)
    const { code, stderr } = await stage().guardian(['kpi', 'run', '--day', FAULTY])
    assert.equal(code, 1)
    assert.match(stderr, /30 of 30 purchases have no currency \(purchases\/900 offset 0, .* and 27 more\)/)
    const [, remedy = ''] =
      /`guardian (kpi quarantine drop --day 2026-01-08 --reason MISSING_FIELD)`/.exec(stderr) ?? []
    const { events } = await shop().client.workflow.getHandle(`daily-kpi:${FAULTY}`).fetchHistory()
    const attempts = events?.flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? [])
    assert.deepEqual(attempts, [1, 1, 1, 1, 1], 'no activity is tried again')
    await stage().ask(remedy.split(' '))
    const { droppedRecords } = await run(FAULTY)
    assert.deepEqual([droppedRecords, (await published(FAULTY))['all']?.metrics['purchases']], [30, 0])
  })
}
