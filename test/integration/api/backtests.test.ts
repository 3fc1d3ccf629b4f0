import assert from 'node:assert/strict'
import type { Connection } from '@temporalio/client'
import { pino } from 'pino'
import { apiConfig } from '../../../api/api-config.js'
import { createBreakers } from '../../../api/wire-dependencies.js'
import { wireBackTests } from '../../../api/wire-back-tests.js'
import { lazyTemporal, wireTemporal } from '../../../api/wire-temporal.js'
import { listAudit } from '../../../db/read-models/audit.js'
import { beginBackTest, endBackTest, updateBackTestPart } from '../../../db/stores/back-tests.js'
import { mergeResults } from '../../../domain/detection/back-test-result.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import { Registry } from '../../../platform/metrics.js'
import type { BackTest, BackTestDetails } from '../../../schemas/rest/backtests.js'
import { ADMIN_KEY, asAdmin } from '../../support/api-keys.js'
import { sendJson } from '../../support/send-json.js'
import { readAnswer, readProblem, type ServedApi } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const DAYS = { from: '2026-01-01', to: '2026-01-02' }
const STORED = { rule_id: 'BOT_LIKE', version: 1, ...DAYS }
const PARAMETERS = { windowMs: 10_000, slideMs: 10_000, minEvents: 20 }
const DEFINED = { rule_id: 'HIGH_FREQUENCY', kind: 'HIGH_FREQUENCY', parameters: PARAMETERS, ...DAYS }

describe('back-tests', function () {
  this.timeout(60_000)
  const stack = useTestStack('postgres', 'temporal')
  let database: MigratedDatabase
  let temporal: Connection
  let api: ServedApi
  const serve = async (address: string, timeoutMs = '5000') => {
    const config = apiConfig({
      ...{ DATABASE_URL: 'postgres://not-used', KAFKA_BROKERS: 'x:1', SCHEMA_REGISTRY_URL: 'http://x' },
      ...{ TEMPORAL_ADDRESS: address, GUARDIAN_ADMIN_KEY: ADMIN_KEY, BACK_TESTS_OPEN_MAX: '2', BACK_TESTS_KEPT: '1' },
      API_QUERY_TIMEOUT_MS: timeoutMs,
    })
    temporal = lazyTemporal({ address, namespace: 'default' }).value
    const { temporal: breaker } = createBreakers(config, new Registry(), pino({ level: 'silent' }))
    const backTests = wireBackTests(config, {
      db: database.db,
      temporal: wireTemporal(config, temporal, undefined),
      breaker,
    })
    api = await serveRealApi(database.db, {}, { backTests })
  }
  before(async () => (database = await createMigratedDatabase('back tests')))
  beforeEach(() => serve(stack().temporalAddress))
  afterEach(async () => {
    await api.stop()
    await temporal.close()
    await database.db.query('DELETE FROM back_tests')
  })
  after(() => database.drop())

  const call = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    sendJson(`${api.url}${path}`, method, { ...asAdmin, ...headers }, body)
  const start = async (body: object) => readAnswer<BackTest>('createBackTest', await call('POST', '/backtests', body))
  const get = async (id: string) => readAnswer<BackTestDetails>('getBackTest', await call('GET', `/backtests/${id}`))

  it('are begun once under an Idempotency-Key, and say how far they are and what came of them', async () => {
    const key = { 'idempotency-key': 'once' }
    const [first, again] = [
      await call('POST', '/backtests', STORED, key),
      await call('POST', '/backtests', STORED, key),
    ]
    assert.equal(first.headers.get('location'), again.headers.get('location'))
    const test = await readAnswer<BackTest>('createBackTest', first)
    assert.deepEqual([first.status, first.headers.get('location')], [202, `/backtests/${test.id}`])
    assert.deepEqual([test.state, test.candidate.kind, test.in_force?.version], ['queued', 'BOT_LIKE', 1])
    assert.equal((await database.db.query('SELECT FROM back_tests')).rows.length, 1)

    await beginBackTest(database.db, test.id, [{ kafkaPartition: 0, records: 10 }])
    await updateBackTestPart(database.db, test.id, 0, { recordsRead: 4 })
    const running = await get(test.id)
    assert.deepEqual([running.state, running.progress], ['running', { records: 10, records_read: 4 }])
    const result = mergeResults([parseUtcDay(DAYS.from), parseUtcDay(DAYS.to)], [])
    await endBackTest(database.db, test.id, { result })
    await endBackTest(database.db, test.id, { reason: 'too late' })
    const ended = await get(test.id)
    assert.deepEqual([ended.state, ended.reason, ended.result?.days.length], ['completed', null, 2])
    const [audit] = await listAudit(database.db, { limit: 1 })
    assert.deepEqual([audit?.action, audit?.target], ['back-test.start', `back-test/${test.id}`])
  })

  it('are of a stored version, or of a definition that is none yet; both are checked', async () => {
    assert.deepEqual((await start(DEFINED)).candidate, { version: 0, kind: 'HIGH_FREQUENCY', parameters: PARAMETERS })
    const refused = async (body: object) => {
      const { code, status, detail } = await readProblem(await call('POST', '/backtests', body))
      return [code, status, detail]
    }
    const wrong = { ...DEFINED, parameters: { ...PARAMETERS, minEvents: 0 } }
    const [code, status, detail] = await refused(wrong)
    assert.deepEqual([code, status, /minEvents is a number in/.test(String(detail))], ['BAD_RULE', 422, true])
    assert.equal((await refused({ ...STORED, version: 9 }))[0], 'RULE_NOT_FOUND')
    assert.equal((await refused({ ...DEFINED, version: 1 }))[0], 'BAD_REQUEST')
    assert.deepEqual(await refused({ ...STORED, to: '2025-12-31' }), [
      ...['BAD_REQUEST', 400],
      'the range ends on 2025-12-31, before it begins on 2026-01-01',
    ])
    assert.match(String((await refused({ ...STORED, to: '2027-01-01' }))[2]), /is not over|at most 31/)
  })

  it('are not begun beyond the limit, and the oldest results are forgotten', async () => {
    const [one, two] = [await start(STORED), await start(STORED)]
    assert.equal((await readProblem(await call('POST', '/backtests', STORED))).code, 'TOO_MANY_BACK_TESTS')
    for (const { id } of [one, two]) await endBackTest(database.db, id, { reason: 'given up' })
    const three = await start(STORED)
    const list = await readAnswer<{ data: BackTest[]; page: { next_cursor: string } }>(
      'listBackTests',
      await call('GET', '/backtests?limit=1'),
    )
    assert.deepEqual([list.data.map(({ id }) => id), list.page.next_cursor], [[three.id], three.id])
    const next = await call('GET', `/backtests?cursor=${three.id}`)
    assert.deepEqual(
      (await readAnswer<{ data: BackTest[] }>('listBackTests', next)).data.map(({ id, state }) => [id, state]),
      [[two.id, 'failed']],
    )
    assert.equal((await readProblem(await call('GET', `/backtests/${one.id}`))).code, 'BACK_TEST_NOT_FOUND')
  })

  it('have failed, and say so, when Temporal does not begin them', async () => {
    await api.stop()
    await temporal.close()
    await serve('127.0.0.1:1', '300')
    const problem = await call('POST', '/backtests', STORED)
    assert.deepEqual(
      [(await readProblem(problem)).code, problem.headers.get('retry-after')],
      ['DEPENDENCY_UNAVAILABLE', '5'],
    )
    const { rows } = await database.db.query<{ state: string; reason: string }>('SELECT * FROM back_tests')
    assert.deepEqual(
      rows.map(({ state, reason }) => [state, reason]),
      [['failed', 'Temporal did not confirm the start']],
    )
    // The answer was lost and not the request: the workflow runs, and its result counts.
    const { id } =
      ((await (await call('GET', '/backtests')).json()) as { readonly data: readonly BackTest[] }).data[0] ?? {}
    assert.ok(id)
    await beginBackTest(database.db, id, [])
    await endBackTest(database.db, id, { reason: 'of the workflow itself' })
    await beginBackTest(database.db, id, [])
    const after = await database.db.query<{ state: string; reason: string }>('SELECT * FROM back_tests')
    assert.deepEqual(
      after.rows.map(({ state, reason }) => [state, reason]),
      [['failed', 'of the workflow itself']],
    )
  })
})
