import assert from 'node:assert/strict'
import { readStageTimes } from '../../db/read-models/slo.js'
import { Slo } from '../../schemas/rest/slo.js'
import { anomalyRow, insertAnomalies } from '../support/anomaly-row.js'
import { asAdmin } from '../support/api-keys.js'
import { runGuardian } from '../support/child-process.js'
import { readAnswer } from '../support/serve-api.js'
import { serveRealApi } from '../support/serve-real-api.js'
import { useTestStack } from '../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../support/test-pool.js'

const SAMPLES = 1_000

const LATENESS_MS = 30_000

describe('the service level', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  before(async () => {
    database = await createMigratedDatabase('slo')
    const nowMs = Date.now() - 60_000
    /** @param endedMs how long its window had ended when its event was taken in */
    const row = (n: number, more: { sessionId?: string; mode?: 'shadow'; endedMs?: number } = {}) => ({
      ...anomalyRow({ sessionId: more.sessionId ?? `s${n}`, mode: more.mode ?? 'active' }),
      windowStart: new Date(nowMs - (more.endedMs ?? 0) - 10_000),
      windowEnd: new Date(nowMs - (more.endedMs ?? 0)),
      producedTs: new Date(nowMs),
      kafkaTs: new Date(nowMs + n),
      detectedTs: new Date(nowMs + n + 10),
      dbWriteTs: new Date(nowMs + n + 15),
    })
    await insertAnomalies(
      database.db,
      Array.from({ length: SAMPLES }, (_, n) => row(n + 1, n === 0 ? { endedMs: LATENESS_MS } : {})),
    )
    await insertAnomalies(database.db, [
      row(30_000, { mode: 'shadow' }),
      row(30_000, { sessionId: 'late', endedMs: LATENESS_MS + 1 }),
      row(30_000, { sessionId: 'of yesterday', endedMs: 86_400_000 }),
    ])
  })
  after(() => database.drop())

  it('is told from the four times, with its samples and what is left of the budget: over REST', async () => {
    const api = await serveRealApi(database.db, {}, {
      readStageTimes: (from, to, targetMs) => readStageTimes(database.db, from, to, { targetMs, allowedLatenessMs: LATENESS_MS }),
      objective: { targetMs: 1_005, percent: 99 },
    }) // prettier-ignore
    const slo = await readAnswer<Slo>('getSlo', await fetch(`${api.url}/slo?hours=24`, { headers: asAdmin }))
    await api.stop()
    assert.deepEqual([slo.samples, slo.backdated, slo.is_reliable, slo.reason], [SAMPLES, 2, true, null])
    const byName = new Map(slo.stages.map(({ stage, p50_ms, p99_ms }) => [stage, [p50_ms, p99_ms]]))
    assert.deepEqual(byName.get('produced_to_kafka'), [500.5, 990.01])
    assert.deepEqual(byName.get('kafka_to_detected'), [10, 10])
    assert.deepEqual(byName.get('detected_to_written'), [5, 5])
    assert.deepEqual(byName.get('end_to_end'), [515.5, 1005.01])
    assert.deepEqual([slo.budget.allowed, slo.budget.slow], [10, 10])
    assert.equal(slo.budget.says, '0 s left; at this rate gone in 0 s')
  })

  it('is told the same on the command line; percentiles that few samples cannot give are left out', async () => {
    const env = { DATABASE_URL: database.url, GUARDIAN_DATA_DIR: '/nonexistent', SLO_TARGET_MS: '2000' }
    const told = await runGuardian(['slo', '--hours', '24', '--json'], env)
    const slo = Slo.parse(JSON.parse(told.stdout))
    assert.deepEqual([told.code, slo.samples, slo.budget.slow], [0, SAMPLES, 0])
    await database.db.query(`DELETE FROM anomaly_sessions WHERE session_id <> 's1'`)
    const few = await runGuardian(['slo'], env)
    assert.match(few.stdout, /1 anomalies of live events: p95 needs 200 and p99 needs 1,000 samples; there are 1/)
    assert.equal((await runGuardian(['slo', '--hours', '0'], env)).code, 2)
  })

  it('does not read the days of which nothing was written in the span', async () => {
    const { db } = database
    const day = '2026-01-10'
    await db.query('SELECT ensure_anomaly_partition($1::date)', [day])
    await db.query(
      `INSERT INTO anomaly_sessions (session_id, rule_id, rule_version, window_start, window_end, event_count, distinct_items, status, mode,
              evidence, topic, kafka_partition, first_offset, last_offset, as_of_offset, produced_ts, kafka_ts, detected_ts, db_write_ts)
       SELECT 's' || n, 'R', 1, t, t + interval '10 s', 60, 5, 'confirmed', 'active', '{}', 'km.clicks.v1', 0, n, n, n, t, t, t, t
         FROM generate_series(1, 20000) n, LATERAL (SELECT $1::timestamptz + n * interval '1 s' AS t) x`,
      [`${day}T00:00:00Z`],
    )
    await db.query('VACUUM ANALYZE anomaly_sessions')
    const { rows } = await db.query<Record<string, string>>(
      `EXPLAIN (ANALYZE, TIMING off, COSTS off, BUFFERS off) SELECT count(*) FROM anomaly_sessions a
        WHERE a.db_write_ts >= now() - interval '1 day' AND a.db_write_ts < now()`,
    )
    const plan = rows.map((row) => row['QUERY PLAN'] ?? '').join('\n')
    assert.match(plan, /Bitmap Index Scan on \S*20260110\S*db_write_ts_idx/, plan)
    assert.doesNotMatch(plan, /Seq Scan on \S*20260110/, plan)
  })
})
