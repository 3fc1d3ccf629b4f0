import assert from 'node:assert/strict'
import { TOPICS } from '../../domain/events.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'
import type { DailyKpiResult } from '../../workflows/contract.js'
import type { FiguresStage } from './figures-stage.js'
import { publishedFigures } from './kpi-tables.js'
import { produceCase } from './produce-case.js'

const DAY = '2026-01-07'

/** A test of a day with a return, on a stage that has nothing of it. */
export function dayOfReturns(shop: () => FiguresStage): void {
  it('tell returns from sales, count an id once per session, and are not withheld by a purchase that no sum holds', async () => {
    const { stage } = shop()
    const eventTs = Date.parse(`${DAY}T12:00:00Z`)
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const first = {
      ...{ source: 'bugcase', user_id: null, unit_price: 1_000, currency: 'EUR', quantity: 1, item_id: 'sku000' },
      ...{ event_ts: eventTs, event_id: 'k5-returns.jsonl-0', session_id: 'k5-0', order_id: 'o0' },
    }
    const absurd = { quantity: 2_147_483_647, unit_price: 9_007_199_254_740_990, session_id: 'k5-absurd' }
    await produceCase({
      brokers: stage.brokers,
      file: 'k5-returns.jsonl',
      topic: TOPICS.purchases,
      schema: AVRO_SCHEMAS[TOPICS.purchases] ?? '',
      schemaId: schemas.find(({ subject }) => subject === `${TOPICS.purchases}-value`)?.id ?? 0,
      eventTs,
      others: [first, { ...first, session_id: 'k5-other', order_id: 'other' }, { ...first, ...absurd }],
    })
    await shop().settled()
    await stage.ask<Required<DailyKpiResult['computed']>>(['kpi', 'run', '--day', DAY])
    const figures = await publishedFigures(stage.db, DAY)
    assert.deepEqual(figures, await shop().expected(DAY))
    const { purchases, units_sold, returns, units_returned, revenue, returned } = figures['all']?.metrics ?? {}
    assert.deepEqual([purchases, units_sold, returns, units_returned], [101, 101, 1, 50])
    assert.deepEqual([revenue, returned], [{ EUR: 101_000 }, { EUR: 50_000 }])
  })
}
