import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recomputeAnomalies, type ReconcileQuestion } from '../../../../activities/reconcile/reconciler.js'
import { compareAnomalies, type ReconciledAnomaly } from '../../../../domain/reconciliation/compare-anomalies.js'
import { openDuckDb, sqlText } from '../../../../platform/duckdb/duckdb.js'
import { columnsOf } from '../../../../workers/archiver/event-columns.js'

const DAY = Date.UTC(2026, 9, 1)
const LATENESS = 30_000
const FREQUENT = { windowMs: 10_000, slideMs: 10_000, minEvents: 3 }

interface Row {
  readonly id: string
  /** Seconds of the day. */
  readonly at: number
  readonly session?: string
  readonly item?: string
}

describe('recomputeAnomalies', function () {
  this.timeout(30_000)
  const folder = mkdtempSync(join(tmpdir(), 'guardian-reconciler-'))
  after(() => rmSync(folder, { recursive: true }))

  const recompute = async (
    rows: readonly Row[],
    rules: ReconcileQuestion['rules'],
    before_ms = 0,
    /** Each right behind the record of its offset. */
    ticks: readonly { readonly offset: number; readonly at: number }[] = [],
  ) => {
    const path = join(folder, 'clicks.parquet')
    const { value: db, stop } = await openDuckDb({ memoryLimitBytes: 1e8, threads: 1, spillFolder: folder })
    await db.run(`CREATE TABLE t (${columnsOf('clicks')})`)
    const values = rows.map(({ id, at, session = 's', item }, offset) => {
      const ms = DAY + at * 1_000
      return `(0, ${offset}, ${ms}, ${sqlText(id)}, ${ms}, ${ms}, 'shop', ${sqlText(session)}, NULL, ${item === undefined ? 'NULL' : sqlText(item)}, 'item_view', '/', NULL, NULL, NULL)`
    })
    await db.run(`INSERT INTO t VALUES ${values.join(',')}`)
    await db.run(`COPY t TO ${sqlText(path)} (FORMAT parquet)`)
    await stop()
    const last_ms = Math.max(...[...rows, ...ticks].map(({ at }) => DAY + at * 1_000))
    const found = await recomputeAnomalies(
      {
        files: [{ path, log: 1 }],
        parts: [{ kafka_partition: 0, log: 1, before_ms, last_ms }],
        rules,
        ticks: ticks.map(({ offset, at }) => ({
          ...{ kafka_partition: 0, log: 1, kafka_offset: offset, tick_ms: DAY + at * 1_000 },
        })),
        fromMs: DAY,
        toMs: DAY + 86_400_000,
        allowedLatenessMs: LATENESS,
      },
      { memoryLimitBytes: 2e8, threads: 1 },
    )
    return found
      .map((row) => [
        (row.window_start_ms - DAY) / 1_000,
        row.session_id,
        row.event_count,
        row.distinct_items,
        row.status,
      ])
      .sort((a, b) => Number(a[0]) - Number(b[0]))
  }

  const rule = (
    kind: string,
    parameters: Record<string, number>,
    more: Partial<ReconcileQuestion['rules'][number]> = {},
  ) => ({
    ...{ kafka_partition: 0, log: 1, from_offset: 0, to_offset: null, rule_version: 1, mode: 'active', rule_id: kind },
    ...{ kind, parameters },
    ...more,
  })
  const times = (...at: number[]): Row[] => at.map((second, i) => ({ id: `e${i}`, at: second }))

  it('finds the windows in which a rule held; those that the log has not passed are open', async () => {
    assert.deepEqual(await recompute(times(1, 2, 3, 11, 12, 60, 61, 62), [rule('HIGH_FREQUENCY', FREQUENT)]), [
      [0, 's', 3, 0, 'confirmed'],
      [60, 's', 3, 0, 'open'],
    ])
  })

  it('counts neither what came twice nor what came late, also by what had been before its files', async () => {
    const repeated = [...times(1, 2), { id: 'e1', at: 3 }]
    assert.deepEqual(await recompute(repeated, [rule('HIGH_FREQUENCY', FREQUENT)]), [])
    assert.deepEqual(await recompute(times(1, 2, 40, 3), [rule('HIGH_FREQUENCY', FREQUENT)]), [])
    const inTime = times(1, 2, 33, 3)
    assert.deepEqual(await recompute(inTime, [rule('HIGH_FREQUENCY', FREQUENT)]), [[0, 's', 3, 0, 'open']])
    assert.deepEqual(await recompute(inTime, [rule('HIGH_FREQUENCY', FREQUENT)], DAY + 60_000), [])
  })

  it('moves the watermark by a tick as by an event, and only for what comes behind it', async () => {
    const frequent = [rule('HIGH_FREQUENCY', FREQUENT)]
    const ticked = (at: number, offset: number) => recompute(times(1, 2, 3, 4), frequent, 0, [{ offset, at }])
    assert.deepEqual(await ticked(39, 3), [[0, 's', 4, 0, 'open']])
    assert.deepEqual(await ticked(40, 3), [[0, 's', 4, 0, 'confirmed']])
    assert.deepEqual(await ticked(40, 2), [[0, 's', 3, 0, 'confirmed']], 'the fourth is late')
    assert.deepEqual(await ticked(40, 1), [], 'the third is late, too')
    assert.deepEqual(await ticked(5, 1), [[0, 's', 4, 0, 'open']], 'an old tick changes nothing')
  })

  it('retracts a window in which a rule held for a while only', async () => {
    const parameters = { windowMs: 10_000, slideMs: 10_000, minEvents: 3, maxDistinctItems: 1 }
    const rows = [...times(1, 2, 3), { id: 'x', at: 4, item: 'a' }, { id: 'y', at: 5, item: 'b' }, { id: 'z', at: 90 }]
    assert.deepEqual(await recompute(rows, [rule('BOT_LIKE', parameters)]), [[0, 's', 5, 2, 'retracted']])
    assert.deepEqual(
      await recompute(rows.slice(0, 4), [rule('LOW_DIVERSITY_RATIO', { ...FREQUENT, maxDistinctRatio: 0.25 })]),
      [[0, 's', 4, 1, 'open']],
    )
  })

  it('lets a version decide from its offset on, and slides', async () => {
    const sliding = { windowMs: 20_000, slideMs: 10_000, minEvents: 3, maxDistinctItems: 9 }
    assert.deepEqual(
      (await recompute(times(11, 12, 13), [rule('BOT_LIKE', sliding)])).map(([start]) => start),
      [0, 10],
    )
    const first = rule('HIGH_FREQUENCY', { ...FREQUENT, minEvents: 2 }, { to_offset: 1 })
    const second = rule('HIGH_FREQUENCY', { ...FREQUENT, minEvents: 4 }, { from_offset: 1, rule_version: 2 })
    assert.deepEqual(await recompute(times(1, 2, 3), [first, second]), [])
    assert.deepEqual((await recompute(times(1, 2, 3, 4), [first, second])).length, 1)
  })

  it('refuses a kind of rule that it does not know', async () => {
    await assert.rejects(recompute(times(1), [rule('NEW_KIND', FREQUENT)]), { code: 'GRD_BAD_RULE' })
  })
})

describe('compareAnomalies', () => {
  const row = (more: Partial<ReconciledAnomaly> = {}): ReconciledAnomaly => ({
    ...{ session_id: 's', rule_id: 'R', rule_version: 1, mode: 'active', window_start_ms: 1, kafka_partition: 0 },
    ...{ event_count: 5, distinct_items: 1, first_offset: 2, last_offset: 9, status: 'confirmed' },
    ...more,
  })
  const kinds = (expected: ReconciledAnomaly[], stored: ReconciledAnomaly[]) =>
    compareAnomalies(expected, stored).map(({ kind }) => kind)

  it('finds what is missing, what is too much, and what is otherwise', () => {
    assert.deepEqual(kinds([row()], [row()]), [])
    assert.deepEqual(kinds([row()], []), ['missing'])
    assert.deepEqual(kinds([], [row()]), ['extra'])
    assert.deepEqual(kinds([row()], [row({ mode: 'shadow' })]), ['missing', 'extra'])
    for (const other of [{ event_count: 6 }, { last_offset: 8 }, { rule_version: 2 }, { status: 'retracted' }])
      assert.deepEqual(kinds([row()], [row(other)]), ['different'], JSON.stringify(other))
  })

  it('lets the detector be ahead of the archive', () => {
    assert.deepEqual(kinds([row({ status: 'open' })], [row()]), [])
    assert.deepEqual(kinds([row()], [row({ status: 'open' })]), ['different'])
  })
})
