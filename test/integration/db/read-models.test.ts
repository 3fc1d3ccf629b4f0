import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  getAnomaly,
  listAnomalies,
  type AnomalyFilter,
  type AnomalyKey,
  type AnomalyRow,
} from '../../../db/read-models/anomalies.js'
import type { Database } from '../../../db/pool.js'
import { readStats } from '../../../db/read-models/stats.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, openTestPool, type MigratedDatabase } from '../../support/test-pool.js'

const START_MS = Date.parse('2026-10-01T23:59:00Z')
const at = (panes: number) => new Date(START_MS + panes * 10_000)

/** 12 windows on both sides of a midnight, 4 sessions of which one sorts oddly, 2 rules, both modes. */
const ROWS: AnomalyRow[] = Array.from({ length: 12 }, (_, pane) => pane).flatMap((pane) =>
  ['a', 'B', 'é', 'a b'].flatMap((sessionId, s) =>
    (['BOT_LIKE', 'HIGH_FREQUENCY'] as const).flatMap((ruleId, r) =>
      (['active', 'shadow'] as const)
        .filter((mode) => (pane + s + r + mode.length) % 3 !== 0)
        .map((mode) =>
          anomalyRow({
            sessionId,
            ruleId,
            mode,
            windowStart: at(pane),
            windowEnd: at(pane + 1),
            status: (['open', 'confirmed', 'retracted'] as const)[(pane + s) % 3] ?? 'open',
            evidence: { pane, text: '\u2028 "quoted"' },
          }),
        ),
    ),
  ),
)

const anyFilter = fc.record(
  {
    sessionId: fc.constantFrom('a', 'B', 'é', 'nobody'),
    ruleId: fc.constantFrom('BOT_LIKE', 'HIGH_FREQUENCY', 'NONE'),
    status: fc.constantFrom('open' as const, 'confirmed' as const, 'retracted' as const),
    mode: fc.constantFrom('active' as const, 'shadow' as const),
    from: fc.integer({ min: -2, max: 14 }).map(at),
    to: fc.integer({ min: -2, max: 14 }).map(at),
  },
  { requiredKeys: [] },
)

const matches = (row: AnomalyRow, { sessionId, ruleId, status, mode, from, to }: AnomalyFilter): boolean =>
  (sessionId === undefined || row.sessionId === sessionId) &&
  (ruleId === undefined || row.ruleId === ruleId) &&
  (status === undefined || row.status === status) &&
  (mode === undefined || row.mode === mode) &&
  (from === undefined || row.windowStart >= from) &&
  (to === undefined || row.windowStart < to)

const keyText = ({ windowStart, sessionId, ruleId, mode }: AnomalyKey) =>
  [windowStart.toISOString(), sessionId, ruleId, mode].join('|')

async function checkPages(db: Database, filter: AnomalyFilter, limit: number): Promise<void> {
  const found: AnomalyRow[] = []
  let after: AnomalyKey | undefined
  for (let more = true; more;) {
    const page = await listAnomalies(db, { ...filter, limit, after })
    assert.ok(page.rows.length <= limit)
    if (page.hasMore) assert.equal(page.rows.length, limit)
    found.push(...page.rows)
    after = page.rows.at(-1)
    more = page.hasMore
  }
  const expected = ROWS.filter((row) => matches(row, filter)).map(keyText)
  assert.deepEqual(found.map(keyText).sort(), expected.sort())
  const starts = found.map((row) => row.windowStart.getTime())
  assert.deepEqual(
    starts,
    [...starts].sort((a, b) => b - a),
  )
}

describe('read models', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  before(async () => {
    database = await createMigratedDatabase('read models')
    await insertAnomalies(database.db, ROWS)
  })
  after(() => database.drop())

  // Without an index the rows come in any order that the query does not ask for.
  for (const [how, options] of [
    ['along the index', ''],
    ['by sorting', '-c enable_indexscan=off -c enable_bitmapscan=off -c enable_incremental_sort=off'],
  ] as const)
    it(`give every matching anomaly once, newest first, whatever the page size: ${how}`, async () => {
      const url = new URL(database.url)
      url.searchParams.set('options', options)
      const { value: db, stop } = await openTestPool(url.href)
      try {
        await fc.assert(
          fc.asyncProperty(anyFilter, fc.integer({ min: 1, max: 60 }), (filter, limit) =>
            checkPages(db, filter, limit),
          ),
          { numRuns: 60 },
        )
      } finally {
        await stop()
      }
    })

  it('give every anomaly once in pages of the sizes that are planned once, too', async () => {
    for (const limit of [5, 10, 20, 50, 100]) await checkPages(database.db, {}, limit)
  })

  it('plan such a page once, along the index, and see the day that is made afterwards', async () => {
    const { value: db, stop } = await openTestPool(database.url, { max: 1 })
    const newer = anomalyRow({ windowStart: at(12_000), windowEnd: at(12_001) })
    const newest = async () => (await listAnomalies(db, { limit: 5 })).rows[0]
    try {
      for (let time = 0; time < 3; time++) await newest()
      const { rows } = await db.query<{ plans: number; plan: string }>(
        `SELECT p.generic_plans AS plans FROM pg_prepared_statements p WHERE p.name = 'anomalies 5'`,
      )
      assert.deepEqual(rows, [{ plans: 3 }])
      const { rows: lines } = await db.query<Record<string, string>>('EXPLAIN (COSTS off) EXECUTE "anomalies 5"')
      const plan = lines.map((line) => line['QUERY PLAN'] ?? '').join('\n')
      assert.match(plan, /Index Scan Backward using anomaly_sessions_20261002_pkey/)
      assert.doesNotMatch(plan, /Sort Key: a\./)
      await insertAnomalies(database.db, [newer])
      assert.deepEqual(await newest(), newer)
    } finally {
      await database.db.query('DELETE FROM anomaly_sessions a WHERE a.window_start = $1', [newer.windowStart])
      await stop()
    }
  })

  it('give a row as it was stored, whole', async () => {
    for (const row of [ROWS[0], ROWS.at(-1)]) {
      assert.ok(row)
      assert.deepEqual(await getAnomaly(database.db, row), row)
    }
    assert.equal(await getAnomaly(database.db, { ...anomalyRow(), sessionId: 'nobody' }), undefined)
  })

  it('read a page without reading the table: a row more than asked for, from the days it needs', async () => {
    const { rows } = await database.db.query<Record<string, string>>(
      `EXPLAIN (ANALYZE, TIMING off, COSTS off, BUFFERS off) SELECT a.* FROM anomaly_sessions a
        ORDER BY a.window_start DESC, a.session_id DESC, a.rule_id DESC, a.mode DESC LIMIT 6`,
    )
    const plan = rows.map((row) => row['QUERY PLAN'] ?? '').join('\n')
    assert.match(plan, /Index Scan Backward using anomaly_sessions_20261002_pkey[^\n]*rows=6/)
    assert.match(plan, /Index Scan Backward using anomaly_sessions_20261001_pkey[^\n]*never executed/)
    assert.doesNotMatch(plan, /Sort|Seq Scan/)
  })

  it('count the anomalies of a span by rule, mode and status, with both ends as said', async () => {
    const [from, to] = [at(3), at(7)]
    const { anomalies } = await readStats(database.db, from, to)
    const inSpan = ROWS.filter((row) => matches(row, { from, to }))
    assert.equal(
      anomalies.reduce((sum, group) => sum + group.anomalies, 0),
      inSpan.length,
    )
    for (const group of anomalies) {
      const same = inSpan.filter((row) => matches(row, group))
      assert.deepEqual([group.anomalies, group.sessions], [same.length, new Set(same.map((row) => row.sessionId)).size])
    }
  })

  it('count partitions and gaps', async () => {
    await database.db.query(
      `INSERT INTO detector_checkpoints (topic, kafka_partition, owner_epoch, owner, next_offset, accepted, duplicate, late, dead, updated_ts)
       VALUES ('t', 1, 1, 'o', 9007199254740991, 4, 3, 2, 1, '2026-10-01Z'), ('t', 0, 1, 'o', 0, 0, 0, 0, 0, '2026-10-01Z')`,
    )
    await database.db.query(
      `INSERT INTO data_gaps (topic, kafka_partition, from_offset, to_offset) VALUES ('t', 0, 1, 5)`,
    )
    const { partitions, dataGaps } = await readStats(database.db, at(0), at(1))
    assert.equal(dataGaps, 1)
    assert.deepEqual(
      partitions.map(({ kafkaPartition }) => kafkaPartition),
      [0, 1],
    )
    assert.deepEqual(partitions[1], {
      topic: 't',
      kafkaPartition: 1,
      nextOffset: 9_007_199_254_740_991,
      watermark: null,
      accepted: 4,
      duplicate: 3,
      late: 2,
      dead: 1,
      recordsPerSecond: null,
      updatedTs: new Date('2026-10-01Z'),
    })
  })
})
