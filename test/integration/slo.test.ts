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

const SAMPLES = 400

describe('the service level', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  before(async () => {
    database = await createMigratedDatabase('slo')
    const nowMs = Date.now() - 60_000
    const row = (n: number, mode: 'active' | 'shadow' = 'active') => ({
      ...anomalyRow({ sessionId: `s${n}`, mode }),
      producedTs: new Date(nowMs),
      kafkaTs: new Date(nowMs + n),
      detectedTs: new Date(nowMs + n + 10),
      dbWriteTs: new Date(nowMs + n + 15),
    })
    await insertAnomalies(
      database.db,
      Array.from({ length: SAMPLES }, (_, n) => row(n + 1)),
    )
    await insertAnomalies(database.db, [row(900_000, 'shadow')])
  })
  after(() => database.drop())

  it('is told from the four times, with its samples and what is left of the budget: over REST', async () => {
    const api = await serveRealApi(database.db, {}, {
      readStageTimes: (from, to, targetMs) => readStageTimes(database.db, from, to, targetMs),
      objective: { targetMs: 411, percent: 99 },
    }) // prettier-ignore
    const slo = await readAnswer<Slo>('getSlo', await fetch(`${api.url}/slo?hours=24`, { headers: asAdmin }))
    await api.stop()
    assert.deepEqual([slo.samples, slo.is_reliable], [SAMPLES, true])
    const byName = new Map(slo.stages.map(({ stage, p50_ms, p99_ms }) => [stage, [p50_ms, p99_ms]]))
    assert.deepEqual(byName.get('produced_to_kafka'), [200.5, 396.01])
    assert.deepEqual(byName.get('kafka_to_detected'), [10, 10])
    assert.deepEqual(byName.get('detected_to_written'), [5, 5])
    assert.deepEqual(byName.get('end_to_end'), [215.5, 411.01])
    assert.deepEqual([slo.budget.allowed, slo.budget.slow], [4, 4])
    assert.equal(slo.budget.says, '0 s left; at this rate gone in 0 s')
  })

  it('is told the same on the command line; few samples are called so', async () => {
    const env = { DATABASE_URL: database.url, GUARDIAN_DATA_DIR: '/nonexistent', SLO_TARGET_MS: '1000' }
    const told = await runGuardian(['slo', '--hours', '24', '--json'], env)
    const slo = Slo.parse(JSON.parse(told.stdout))
    assert.deepEqual([told.code, slo.samples, slo.budget.slow], [0, SAMPLES, 0])
    await database.db.query(`DELETE FROM anomaly_sessions WHERE session_id <> 's1'`)
    const few = await runGuardian(['slo'], env)
    assert.match(few.stdout, /1 anomalies: too few for the figures to be reliable/)
    assert.equal((await runGuardian(['slo', '--hours', '0'], env)).code, 2)
  })
})
