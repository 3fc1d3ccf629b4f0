import assert from 'node:assert/strict'
import { apiConfig } from '../../../api/api-config.js'
import { findFreePorts } from '../../../deploy/local/ports.js'
import { anomalyIdOf } from '../../../schemas/rest/anomaly-id.js'
import type { Anomaly, AnomalyList } from '../../../schemas/rest/anomalies.js'
import type { Health, Readiness } from '../../../schemas/rest/health.js'
import type { Stats } from '../../../schemas/rest/stats.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { ADMIN_KEY, asAdmin } from '../../support/api-keys.js'
import { ServiceProcess, waitUntil } from '../../support/child-process.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { useTestStack } from '../../support/stack.js'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const NOBODY = '127.0.0.1:1'
/** Bounds of one request, one record or one client: there is nothing that fills them up. */
const OF_ONE = [
  ...['API_PAGE_LIMIT_MAX', 'API_BODY_LIMIT_BYTES', 'API_COLLECTOR_BATCH_MAX', 'API_AUDIT_EXPORT_MAX'],
  ...['API_LOG_RECORDS_MAX', 'MAX_RECORD_BYTES', 'FETCH_MAX_UNPACKED_BYTES'],
  ...['API_STREAM_BUFFER_BYTES', 'API_STREAM_MISSED_MAX'],
]

describe('the api process', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let proxy: TcpProxy
  let api: ServiceProcess
  let env: Record<string, string>
  let url: string
  before(async () => {
    database = await createMigratedDatabase('api process')
    proxy = await startTcpProxy(new URL(database.url))
    const [port, metricsPort] = await findFreePorts(2)
    url = `http://127.0.0.1:${port}`
    env = {
      GUARDIAN_ADMIN_KEY: ADMIN_KEY,
      PORT: String(port),
      API_METRICS_PORT: String(metricsPort),
      DATABASE_URL: proxy.urlOf(database.url),
      PG_CONNECT_TIMEOUT_MS: '500',
      API_QUERY_TIMEOUT_MS: '1000',
      BREAKER_PAUSE_MS: '300',
      KAFKA_BROKERS: NOBODY,
      SCHEMA_REGISTRY_URL: `http://${NOBODY}`,
      TEMPORAL_ADDRESS: NOBODY,
      GUARDIAN_DATA_DIR: '/nonexistent',
    }
    api = new ServiceProcess('api/main.js', env)
    await waitUntil(
      () => api.output,
      30_000,
      () =>
        fetch(`${url}/livez`).then(
          (response) => response.ok,
          () => false,
        ),
    )
  })
  after(async () => {
    if (api.isRunning) await api.kill()
    await proxy.close()
    await database.drop()
  })

  const get = (path: string) => fetch(`${url}${path}`, { headers: asAdmin })

  it('serves what is in the database, page by page, in the words of its contract', async () => {
    const rows = [3, 2, 1].map((n) =>
      anomalyRow({
        sessionId: `s${n}`,
        windowStart: new Date(Date.UTC(2026, 9, n, 12)),
        windowEnd: new Date(Date.UTC(2026, 9, n, 13)),
      }),
    )
    await insertAnomalies(database.db, rows)
    const first = await readAnswer<AnomalyList>('listAnomalies', await get(`/anomalies?limit=2`))
    assert.deepEqual(
      first.data.map((anomaly) => anomaly.id),
      rows.slice(0, 2).map(anomalyIdOf),
    )
    const rest = await readAnswer<AnomalyList>(
      'listAnomalies',
      await get(`/anomalies?limit=2&cursor=${first.page.next_cursor ?? ''}`),
    )
    assert.deepEqual([rest.data.map((anomaly) => anomaly.session_id), rest.page.next_cursor], [['s1'], null])
    const one = await readAnswer<Anomaly>('getAnomaly', await get(`/anomalies/${first.data[0]?.id ?? ''}`))
    assert.deepEqual(one, first.data[0])
    const stats = await readAnswer<Stats>('getStats', await get(`/stats`))
    assert.equal(stats.anomalies.total, 0)
  })

  it('is ready without what it does not need, and says what is away', async () => {
    let response = await fetch(`${url}/readyz`)
    await waitUntil(
      () => api.output,
      20_000,
      async () => (response = await fetch(`${url}/readyz`)).status === 200,
      500,
    )
    const { dependencies } = await readAnswer<Readiness>('getReadiness', response)
    assert.deepEqual(
      dependencies.map(({ name, status }) => `${name} ${status}`),
      ['postgres up', 'kafka down', 'temporal down', 'registry down'],
    )
    assert.equal((await readAnswer<Health>('getHealth', await fetch(`${url}/health`))).status, 'degraded')
  })

  it('stays alive while PostgreSQL is swallowed by the network: 503 in time, not ready, and well again after', async () => {
    proxy.blackHole()
    const startedAt = performance.now()
    const problem = await readProblem(await get(`/anomalies`))
    assert.equal(problem.code, 'DEPENDENCY_UNAVAILABLE')
    assert.ok(performance.now() - startedAt < 2_500)
    const states = await Promise.all(['/readyz', '/health', '/livez'].map((path) => fetch(`${url}${path}`)))
    assert.deepEqual(
      states.map(({ status }) => status),
      [503, 200, 200],
    )
    proxy.heal()
    await waitUntil(
      () => 'ready again',
      5_000,
      async () => (await fetch(`${url}/readyz`)).status === 200,
    )
    assert.equal((await get(`/anomalies`)).status, 200)
  })

  it('ends at once, and says why, when its port is taken or a variable is missing', async () => {
    const second = new ServiceProcess('api/main.js', { ...env, API_METRICS_PORT: '0' })
    assert.equal(await second.exited, 1)
    assert.match(second.output, /is in use by another process: set PORT to a free one/)
    const without = Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'DATABASE_URL'))
    const weak = new ServiceProcess('api/main.js', { ...env, GUARDIAN_ADMIN_KEY: 'changeme' })
    assert.equal(await weak.exited, 1)
    assert.match(weak.output, /GUARDIAN_ADMIN_KEY: not 32 to 200/)
    assert.doesNotMatch(weak.output, /changeme/)
    const third = new ServiceProcess('api/main.js', { ...without, PORT: 'x' })
    assert.equal(await third.exited, 1)
    assert.match(third.output, /PORT: not a whole number; DATABASE_URL: missing/)
  })

  it('offers its metrics on a port of their own, and there only', async () => {
    const text = await (await fetch(`http://127.0.0.1:${env['API_METRICS_PORT'] ?? ''}/metrics`)).text()
    assert.match(text, /guardian_http_requests_total\{route="\/anomalies",method="GET",status="200",process="api"\}/)
    assert.match(text, /guardian_postgres_pool_connections\{state="waiting",process="api"\} 0/)
    assert.equal((await fetch(`${url}/metrics`)).status, 404)
  })

  it('shows of every limit of what it holds how much is used', async () => {
    const text = await (await fetch(`http://127.0.0.1:${env['API_METRICS_PORT'] ?? ''}/metrics`)).text()
    const bounds = /(_MAX|_MAX_ENTRIES|_AT_WORK|_WAITING|_CONNECTIONS|_CLIENTS|_IN_FLIGHT|_BYTES)$/
    const held = Object.keys(apiConfig(env)).filter((name) => bounds.test(name) && !OF_ONE.includes(name))
    assert.ok(held.length >= 13, held.join())
    for (const name of held)
      for (const what of ['max', 'used'])
        assert.match(text, new RegExp(`guardian_limit_${what}\\{limit="${name}",process="api"\\} \\d`))
  })

  it('ends in order on SIGTERM', () => api.stop())
})
