import assert from 'node:assert/strict'
import { figuresOf, METRIC_NAMES, type DayFigures } from '../../../domain/kpi/figures.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import { publishFigures, raiseFence, stageFigures } from '../../../db/stores/kpi.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const DAY = parseUtcDay('2026-10-01')
const INPUTS = { archiveVersion: 3, archivedRows: 10, flaggedSessions: 0, flaggedDigest: 'none' }

/** Figures in which every number of a day is the same, so that a mixture shows. */
const allOf = (n: number): DayFigures =>
  figuresOf({
    metrics: ['all', 'clean', 'flagged'].map((traffic) => ({
      traffic,
      ...Object.fromEntries(METRIC_NAMES.map((name) => [name, n])),
    })),
    revenue: [{ traffic: 'all', currency: 'EUR', amount: n }],
    items: Array.from({ length: 50 }, (_, i) => ({
      traffic: 'all',
      ranking: 'views',
      place: i + 1,
      item_id: `i${i}`,
      amount: n,
    })),
    funnel: [{ traffic: 'all', step: 'viewed', sessions: n }],
  })

describe('publishing a day', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  before(async () => (database = await createMigratedDatabase('kpi')))
  after(() => database.drop())

  const stage = async (n: number): Promise<number> => {
    const fence = await raiseFence(database.db, DAY)
    await stageFigures(database.db, DAY, fence, allOf(n), { ...INPUTS, archivedRows: n })
    return fence
  }

  it('says what changed against the figures before; repeated, it changes and says the same', async () => {
    const first = await publishFigures(database.db, DAY, await stage(5))
    assert.deepEqual([first.isFirst, first.changes], [true, []])
    const fence = await stage(7)
    const second = await publishFigures(database.db, DAY, fence)
    assert.deepEqual(second.changes[0], { traffic: 'all', figure: 'events', before: 5, after: 7 })
    assert.deepEqual([second.isFirst, second.causes.lateRows], [false, 2])
    assert.deepEqual(await publishFigures(database.db, DAY, fence), second)
  })

  it('refuses an attempt that a later one has overtaken: nothing of it is seen', async () => {
    const zombie = await stage(11)
    const heir = await stage(12)
    await assert.rejects(publishFigures(database.db, DAY, zombie), { code: 'GRD_FENCED' })
    await publishFigures(database.db, DAY, heir)
    await assert.rejects(publishFigures(database.db, DAY, zombie), { code: 'GRD_FENCED' })
    const { rows } = await database.db.query<{ events: number; left: number }>(
      `SELECT max(m.events) AS events, (SELECT count(*) FROM kpi_staging) AS left FROM daily_metrics m`,
    )
    assert.deepEqual(rows, [{ events: 12, left: 0 }])
  })

  it('shows readers the old day or the new one, never a half or an empty one', async () => {
    const torn = `
      SELECT (SELECT count(*) FROM daily_metrics) <> 3 OR (SELECT count(*) FROM popular_items) <> 50
          OR (SELECT count(*) FROM conversion_funnel) <> 12
          OR (SELECT count(DISTINCT n) FROM (SELECT m.events AS n FROM daily_metrics m UNION SELECT i.amount FROM popular_items i
                UNION SELECT f.sessions FROM conversion_funnel f WHERE f.traffic = 'all' AND f.step = 'viewed') x) <> 1 AS torn`
    let isOver = false
    let reads = 0
    const reader = async (): Promise<number> => {
      let found = 0
      while (!isOver) {
        const { rows } = await database.db.query<{ torn: boolean }>(torn)
        reads++
        if (rows[0]?.torn !== false) found++
      }
      return found
    }
    const readers = [reader(), reader()]
    for (let n = 100; n < 130; n++) await publishFigures(database.db, DAY, await stage(n))
    isOver = true
    assert.deepEqual(await Promise.all(readers), [0, 0])
    assert.ok(reads > 30, `${reads} reads`)
  })
})
