import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { findFreePorts } from '../../../deploy/local/ports.js'
import { ADMIN_KEY, asAdmin } from '../../support/api-keys.js'
import { ServiceProcess, waitUntil } from '../../support/child-process.js'
import { readProblem } from '../../support/serve-api.js'
import { useTestStack } from '../../support/stack.js'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js'
import { createMigratedDatabase, openTestPool, type MigratedDatabase } from '../../support/test-pool.js'

const AT_WORK = 10
const WAITING = 100
const QUERY_TIMEOUT_MS = 500

interface Seen {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly ms: number
}

describe('the api under load, and without what it needs', function () {
  this.timeout(180_000)
  const servers = useTestStack('postgres', 'kafka', 'registry', 'temporal')
  let database: MigratedDatabase
  let api: ServiceProcess
  let url: string
  let metricsUrl: string
  const proxies = new Map<string, TcpProxy>()
  before(async () => {
    database = await createMigratedDatabase('resilience')
    const { kafkaBrokers, schemaRegistryUrl, temporalAddress } = servers()
    const registryUrl = new URL(schemaRegistryUrl)
    const proxied = async (name: string, target: URL) => {
      const proxy = await startTcpProxy(target)
      proxies.set(name, proxy)
      return proxy.urlOf(target.href)
    }
    const databaseUrl = await proxied('postgres', new URL(database.url))
    const kafkaUrl = new URL(await proxied('kafka', new URL(`http://${kafkaBrokers}`)))
    const registry = await proxied('registry', registryUrl)
    const temporal = new URL(await proxied('temporal', new URL(`http://${temporalAddress}`)))
    const [port, metricsPort] = await findFreePorts(2)
    url = `http://127.0.0.1:${port}`
    metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`
    api = new ServiceProcess('api/main.js', {
      GUARDIAN_ADMIN_KEY: ADMIN_KEY,
      PORT: String(port),
      API_METRICS_PORT: String(metricsPort),
      DATABASE_URL: databaseUrl,
      KAFKA_BROKERS: kafkaUrl.host,
      SCHEMA_REGISTRY_URL: registry,
      TEMPORAL_ADDRESS: temporal.host,
      PG_CONNECT_TIMEOUT_MS: '500',
      API_QUERY_TIMEOUT_MS: String(QUERY_TIMEOUT_MS),
      BREAKER_PAUSE_MS: '1500',
      API_MAX_AT_WORK: String(AT_WORK),
      API_MAX_WAITING: String(WAITING),
      API_MAX_WAIT_MS: '8000',
      GUARDIAN_DATA_DIR: '/nonexistent',
    })
    await waitUntil(
      () => api.output,
      60_000,
      () =>
        fetch(`${url}/readyz`).then(
          (response) => response.ok,
          () => false,
        ),
    )
  })
  after(async () => {
    agent.destroy()
    if (api.isRunning) await api.kill()
    for (const proxy of proxies.values()) await proxy.close()
    await database.drop()
  })

  const agent = new Agent({ keepAlive: false, maxSockets: 2_000 })
  const ask = (path: string) =>
    new Promise<Seen>((resolve, reject) => {
      const startedAt = performance.now()
      const sent = request(`${url}${path}`, { agent, headers: asAdmin }, (response) => {
        response.resume().on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers['retry-after'],
            ms: performance.now() - startedAt,
          }),
        )
      })
      sent.setTimeout(20_000, () => sent.destroy(new Error('no answer in 20 s')))
      sent.on('error', reject).end()
    })
  const transitions = async (dependency: string) => {
    const text = await (await fetch(metricsUrl)).text()
    const counted = new Map<string, number>()
    for (const [, to = '', n] of text.matchAll(
      new RegExp(`guardian_circuit_transitions_total\\{dependency="${dependency}",to="(\\w+)"[^}]*\\} (\\d+)`, 'g'),
    ))
      counted.set(to, Number(n))
    return { open: counted.get('open') ?? 0, half: counted.get('half_open') ?? 0, closed: counted.get('closed') ?? 0 }
  }

  it('answers every one of 500 requests at once: those that it takes, and 503 with Retry-After for the rest', async () => {
    const pool = await openTestPool(database.url, { statementTimeoutMs: 60_000 })
    const lock = await pool.value.checkOut()
    await lock.query('BEGIN')
    await lock.query('LOCK TABLE anomaly_sessions IN ACCESS EXCLUSIVE MODE')
    const held = Array.from({ length: 500 }, () => ask('/anomalies?limit=5'))
    await new Promise((resolve) => setTimeout(resolve, 200))
    const service = await Promise.all(Array.from({ length: 5 }, () => ask('/livez')))
    await lock.query('ROLLBACK')
    lock.release()
    await pool.stop()
    const seen = await Promise.all(held)
    const refused = seen.filter(({ status }) => status === 503)
    const done = seen.filter(({ status }) => status === 200)
    assert.equal(refused.length + done.length, 500)
    assert.ok(done.length >= AT_WORK, `${done.length} answered`)
    assert.ok(refused.length >= 500 - AT_WORK - WAITING, `${refused.length} refused`)
    assert.ok(refused.every(({ retryAfter }) => retryAfter === '1' || retryAfter === '2'))
    assert.ok(service.every(({ status }) => status === 200))
    const metrics = await (await fetch(metricsUrl)).text()
    assert.match(
      metrics,
      /guardian_http_overload_refused_total\{lane="interactive",reason="queue_full",process="api"\} [1-9]/,
    )
    assert.match(metrics, /guardian_http_lane_requests\{lane="interactive",state="at_work",process="api"\} 0/)
    assert.equal((await ask('/anomalies?limit=5')).status, 200)
  })

  it('repeats a read whose connection breaks, and nobody sees it', async () => {
    const repeated = async () => {
      const text = await (await fetch(metricsUrl)).text()
      return Number(/guardian_retries_total\{dependency="postgres",outcome="made"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0)
    }
    assert.equal((await ask('/anomalies?limit=10')).status, 200)
    const before = await repeated()
    const cut = proxies.get('postgres')?.cutOnce('anomalies 10', true)
    assert.equal((await ask('/anomalies?limit=10')).status, 200)
    await cut
    assert.ok((await repeated()) > before)
  })

  it('gives the last good answer to who takes it while a read does not come back, but lets nobody in without PostgreSQL', async () => {
    const path = '/anomalies?limit=7'
    const get = (headers: Record<string, string> = {}) =>
      fetch(`${url}${path}`, { headers: { ...asAdmin, ...headers } })
    const takesStale = { 'cache-control': 'stale-if-error=600' }
    const fresh = await get()
    assert.equal(fresh.status, 200)
    const pool = await openTestPool(database.url, { statementTimeoutMs: 60_000 })
    const lock = await pool.value.checkOut()
    await lock.query('BEGIN')
    await lock.query('LOCK TABLE anomaly_sessions IN ACCESS EXCLUSIVE MODE')
    try {
      const stale = await get(takesStale)
      assert.equal(stale.status, 200)
      assert.match(stale.headers.get('age') ?? '', /^\d+$/)
      assert.equal(stale.headers.get('etag'), fresh.headers.get('etag'))
      assert.equal((await readProblem(await get())).code, 'DEPENDENCY_UNAVAILABLE')
    } finally {
      await lock.query('ROLLBACK')
      lock.release()
      await pool.stop()
    }
    const again = await get(takesStale)
    assert.deepEqual([again.status, again.headers.get('age')], [200, null])
    assert.match(await (await fetch(metricsUrl)).text(), /guardian_stale_answers_total\{process="api"\} 1/)
    proxies.get('postgres')?.blackHole()
    try {
      // A key that was looked up is good for API_KEY_KEPT_MS, a second at most.
      await new Promise((resolve) => setTimeout(resolve, 1_100))
      assert.equal((await readProblem(await get(takesStale))).code, 'DEPENDENCY_UNAVAILABLE')
    } finally {
      proxies.get('postgres')?.heal()
    }
    await waitUntil(
      () => api.output,
      10_000,
      async () => (await get()).status === 200,
    )
  })

  it('tells a caller of a Temporal that is frozen or dead in time, asks it three times and no more, and goes on by itself', async () => {
    const { temporal } = servers()
    assert.ok(temporal)
    const opened = async () => (await transitions('temporal')).open
    const answersAgain = () =>
      waitUntil(
        () => api.output,
        30_000,
        async () => (await ask('/schedules')).status === 200,
        200,
      )
    const untilOpen = async () => {
      const before = await opened()
      const seen: Seen[] = []
      while ((await opened()) === before) seen.push(await ask('/schedules'))
      assert.ok(seen.every(({ status, retryAfter }) => status === 503 && Number(retryAfter) >= 1))
      assert.ok(seen.length <= 3, `${seen.length} failures`)
      return Math.min(...seen.map(({ ms }) => ms))
    }
    await answersAgain()
    temporal.kill('SIGSTOP')
    try {
      const frozenMs = await untilOpen()
      assert.ok(frozenMs < 2 * QUERY_TIMEOUT_MS, `frozen: ${frozenMs} ms`)
    } finally {
      temporal.kill('SIGCONT')
    }
    await answersAgain()
    temporal.kill('SIGKILL')
    try {
      const deadMs = await untilOpen()
      assert.ok(deadMs < QUERY_TIMEOUT_MS, `dead: ${deadMs} ms`)
    } finally {
      await temporal.restart()
    }
    await answersAgain()
  })

  for (const dependency of ['postgres', 'kafka', 'temporal', 'registry'])
    it(`sees the circuit to ${dependency} open, half-open and closed again; /livez stays green, nothing hangs`, async () => {
      const before = await transitions(dependency)
      const load = dependency === 'postgres' ? '/anomalies?limit=5' : '/readyz'
      proxies.get(dependency)?.blackHole()
      await waitUntil(
        () => api.output,
        30_000,
        async () => {
          const [answer, alive] = await Promise.all([ask(load), ask('/livez')])
          assert.equal(alive.status, 200)
          assert.ok(answer.ms < 8_000, `${answer.ms} ms`)
          return (await transitions(dependency)).open > before.open
        },
        100,
      )
      if (dependency === 'postgres') {
        const problem = await fetch(`${url}/anomalies?limit=5`, { headers: asAdmin })
        assert.ok(Number(problem.headers.get('retry-after')) >= 1)
        assert.equal((await readProblem(problem)).code, 'DEPENDENCY_UNAVAILABLE')
        assert.equal((await ask('/readyz')).status, 503)
      } else assert.equal((await ask('/readyz')).status, 200)
      if (dependency === 'kafka') {
        const startedAt = performance.now()
        const body = JSON.stringify({ type: 'click', session_id: 's', event_type: 'page_view', page: '/' })
        const headers = { ...asAdmin, 'content-type': 'application/json' }
        const refused = await fetch(`${url}/events`, { method: 'POST', headers, body })
        assert.ok(performance.now() - startedAt < 500, 'the collector waits for a Kafka whose circuit is open')
        assert.ok(Number(refused.headers.get('retry-after')) >= 1)
        assert.equal((await readProblem(refused)).code, 'DEPENDENCY_UNAVAILABLE')
      }
      proxies.get(dependency)?.heal()
      await waitUntil(
        () => api.output,
        30_000,
        async () => {
          await ask('/readyz')
          const now = await transitions(dependency)
          return now.half > before.half && now.closed > before.closed
        },
        300,
      )
      assert.equal((await ask('/anomalies?limit=5')).status, 200)
    })
})
