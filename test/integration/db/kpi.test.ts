import { UTC } from '../../../domain/shop-day.js'
import assert from 'node:assert/strict'
import { figuresOf, METRIC_NAMES, type DayFigures } from '../../../domain/kpi/figures.js'
import { addDays, parseUtcDay } from '../../../domain/utc-day.js'
import { recentEvents } from '../../../db/read-models/kpi-inputs.js'
import { publishFigures, raiseFence, stageFigures } from '../../../db/stores/kpi.js'
import { NOTHING_LEFT_OUT } from '../../support/figure-inputs.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const DAY = parseUtcDay('2026-10-01')
const INPUTS = {
  ...{ archiveVersion: 3, archivedRows: 10, flaggedSessions: 0, flaggedDigest: 'none', isUnusual: false },
  ...NOTHING_LEFT_OUT,
}

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

  it('compares with recent days that were neither unusual themselves nor touched by an incident or a gap', async () => {
    const { db } = database
    const published = async (daysBefore: number, n: number, isUnusual = false): Promise<void> => {
      const day = addDays(DAY, -daysBefore)
      const fence = await raiseFence(db, day)
      await stageFigures(db, day, fence, allOf(n), { ...INPUTS, isUnusual })
      await publishFigures(db, day, fence)
    }
    const incident = (daysBefore: number, severity: string, source: string) =>
      db.query(
        `INSERT INTO alert_history (alert_id, look_id, fingerprint, source, cause, kind, severity, outcome, incident_id,
           decided_ts, event_count, swallowed_alerts, swallowed_count)
         VALUES ($1, 'l', 'f', $2, 'c', 'firing', $3, 'sent', 'i', $4::timestamptz + interval '23 hours 59 minutes', 1, 0, 0)`,
        [`a${daysBefore}`, source, severity, `${addDays(DAY, -daysBefore)}T00:00:00Z`],
      )
    for (const daysBefore of [1, 2, 3, 4, 5, 28, 29]) await published(daysBefore, daysBefore * 10)
    assert.deepEqual(await recentEvents(db, DAY, UTC), [20, 40, 60, 80, 100, 560])
    await published(1, 10, true)
    await incident(2, 'critical', 'dead-letters')
    await incident(3, 'warning', 'dead-letters')
    await incident(28, 'critical', 'detector-lag')
    await db.query(
      `INSERT INTO archive_gaps (topic, kafka_partition, from_offset, to_offset, detected_ts) VALUES ('t', 0, 1, 2, $1)`,
      [`${addDays(DAY, -4)}T12:00:00Z`],
    )
    assert.deepEqual(await recentEvents(db, DAY, UTC), [60, 560], 'a gap of the fourth day can be of the fifth')
    await published(1, 10)
    assert.deepEqual(await recentEvents(db, DAY, UTC), [20, 60, 560])
  })
})
