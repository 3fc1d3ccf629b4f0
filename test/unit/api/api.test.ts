import assert from 'node:assert/strict'
import type { ApiDeps } from '../../../api/api.js'
import { serveHttp } from '../../../api/http-server.js'
import type { AnomalyPageRequest } from '../../../db/read-models/anomalies.js'
import { GuardianError } from '../../../domain/errors.js'
import { createRegistry } from '../../../platform/metrics.js'
import { anomalyIdOf } from '../../../schemas/rest/anomaly-id.js'
import type { Anomaly, AnomalyList } from '../../../schemas/rest/anomalies.js'
import type { DependencyHealth, Health, Readiness } from '../../../schemas/rest/health.js'
import type { Stats } from '../../../schemas/rest/stats.js'
import { anomalyRow } from '../../support/anomaly-row.js'
import { readAnswer, readProblem, serveApi, type ServedApi } from '../../support/serve-api.js'

describe('api', () => {
  let api: ServedApi | undefined
  const get = async (path: string, deps: Partial<ApiDeps> = {}, headers: Record<string, string> = {}) => {
    api = await serveApi(deps)
    return fetch(`${api.url}${path}`, { headers })
  }
  afterEach(async () => {
    await api?.stop()
    api = undefined
  })

  describe('GET /anomalies', () => {
    const row = anomalyRow()

    it('hands the filters on, one row as it is stored, and the id as cursor', async () => {
      let asked: AnomalyPageRequest | undefined
      const list = (request: AnomalyPageRequest) => {
        asked = request
        return Promise.resolve({ rows: [row], hasMore: true })
      }
      const id = anomalyIdOf(row)
      const path = `/anomalies?session=s1&rule=R&status=open&mode=shadow&from=2026-10-01&to=2026-10-02&limit=1&cursor=${id}`
      const { data, page } = await readAnswer<AnomalyList>(
        'listAnomalies',
        await get(path, { anomalies: { list, get: () => Promise.resolve(undefined) } }),
      )
      assert.deepEqual(asked, {
        sessionId: 's1',
        ruleId: 'R',
        status: 'open',
        mode: 'shadow',
        from: new Date('2026-10-01Z'),
        to: new Date('2026-10-02Z'),
        limit: 1,
        after: { windowStart: row.windowStart, sessionId: row.sessionId, ruleId: row.ruleId, mode: row.mode },
      })
      assert.deepEqual(page, { next_cursor: id, limit: 1 })
      assert.deepEqual(data[0], {
        id,
        session_id: 's1',
        user_id: null,
        rule_id: 'HIGH_FREQUENCY',
        rule_version: 1,
        window_start: '2026-10-01T12:00:00.000Z',
        window_end: '2026-10-01T12:00:10.000Z',
        event_count: 61,
        distinct_items: 7,
        status: 'confirmed',
        mode: 'active',
        verdict: 'undecided',
        allowlist_entry_id: null,
        incomplete: false,
        evidence: { threshold: 50, observed: 61 },
        topic: 'km.clicks.v1',
        kafka_partition: 0,
        first_offset: 10,
        last_offset: 70,
        as_of_offset: 9_007_199_254_740_991,
        produced_ts: '2026-10-01T12:00:08.001Z',
        kafka_ts: '2026-10-01T12:00:08.002Z',
        detected_ts: '2026-10-01T12:00:08.003Z',
        db_write_ts: '2026-10-01T12:00:08.004Z',
      } satisfies Anomaly)
    })

    it('has no cursor on the last page', async () => {
      const { page } = await readAnswer<AnomalyList>('listAnomalies', await get('/anomalies'))
      assert.deepEqual(page, { next_cursor: null, limit: 50 })
    })

    it('answers 503 with Retry-After while the database is away', async () => {
      const list = () => Promise.reject(new GuardianError('GRD_STORE_UNAVAILABLE', 'host 10.0.0.1'))
      const response = await get('/anomalies', { anomalies: { list, get: () => Promise.resolve(undefined) } })
      assert.equal(response.headers.get('retry-after'), '2')
      const problem = await readProblem(response)
      assert.equal(problem.code, 'DEPENDENCY_UNAVAILABLE')
      assert.doesNotMatch(JSON.stringify(problem), /10\.0\.0\.1/)
    })
  })

  describe('GET /anomalies/{id}', () => {
    it('answers 404 for an id of nothing, and 400 for what is no id', async () => {
      const missing = await get(`/anomalies/${anomalyIdOf(anomalyRow())}`)
      assert.equal((await readProblem(missing)).code, 'ANOMALY_NOT_FOUND')
      for (const id of ['zz', '%00', '%ff', '..%2f', 'a'.repeat(8_200)]) {
        const problem = await readProblem(await fetch(`${api?.url ?? ''}/anomalies/${id}`))
        assert.equal(problem.status, 400, id)
      }
    })
  })

  describe('GET /stats', () => {
    it('adds the partitions up, and shares an answer within a second', async () => {
      let reads = 0
      const partition = {
        topic: 'km.clicks.v1',
        nextOffset: 10,
        watermark: null,
        accepted: 5,
        duplicate: 3,
        late: 2,
        dead: 1,
        recordsPerSecond: 50,
        updatedTs: new Date(),
      }
      const readStats: ApiDeps['readStats'] = () => {
        reads += 1
        return Promise.resolve({
          partitions: [0, 1].map((kafkaPartition) => ({ ...partition, kafkaPartition })),
          anomalies: [
            { ruleId: 'BOT_LIKE', mode: 'active', status: 'open', anomalies: 4, sessions: 2 },
            { ruleId: 'BOT_LIKE', mode: 'active', status: 'confirmed', anomalies: 3, sessions: 1 },
          ],
          dataGaps: 1,
          misplaced: [],
        })
      }
      const readLag: ApiDeps['readLag'] = (positions) => {
        assert.deepEqual(
          positions.map(({ topic, kafkaPartition, nextOffset }) => [topic, kafkaPartition, nextOffset]),
          [0, 1].map((kafkaPartition) => ['km.clicks.v1', kafkaPartition, 10]),
        )
        const log = { logStart: 0, logEnd: 200 }
        return Promise.resolve(
          new Map([0, 1].map((p) => [`km.clicks.v1/${p}`, { records: p * 100, seconds: p * 7, ...log }])),
        )
      }
      const stats = await readAnswer<Stats>('getStats', await get('/stats', { readStats, readLag }))
      const counted = { accepted: 10, duplicate: 6, late: 4, dead: 2, data_gaps: 1 }
      assert.deepEqual(stats.totals, { ...counted, lag_records: 100, lag_seconds: 7 })
      assert.deepEqual(
        stats.partitions.map((p) => [p.lag_records, p.lag_seconds, p.seconds_to_clear]),
        [
          [0, 0, 0],
          [100, 7, 2],
        ],
      )
      assert.equal(stats.anomalies.total, 7)
      assert.equal(Date.parse(stats.anomalies.to) - Date.parse(stats.anomalies.from), 86_400_000)
      await Promise.all(Array.from({ length: 20 }, () => fetch(`${api?.url ?? ''}/stats`).then((r) => r.text())))
      assert.equal(reads, 1)
    })

    it('says no lag while Kafka does not answer, and no time to clear from a pace of long ago', async () => {
      const partition = { topic: 't', kafkaPartition: 0, nextOffset: 1, watermark: null, recordsPerSecond: 5 }
      const counts = { accepted: 1, duplicate: 0, late: 0, dead: 0, updatedTs: new Date('2026-10-01Z') }
      const readStats: ApiDeps['readStats'] = () =>
        Promise.resolve({ partitions: [{ ...partition, ...counts }], anomalies: [], dataGaps: 0, misplaced: [] })
      const lagOf = async (readLag: ApiDeps['readLag']) => {
        const { partitions, totals } = await readAnswer<Stats>('getStats', await get('/stats', { readStats, readLag }))
        await api?.stop()
        api = undefined
        const [only] = partitions
        return [only?.lag_records, only?.lag_seconds, only?.seconds_to_clear, totals.lag_records, totals.lag_seconds]
      }
      assert.deepEqual(await lagOf(() => Promise.resolve(undefined)), [null, null, null, null, null])
      const behind = new Map([['t/0', { records: 9, seconds: 3, logStart: 0, logEnd: 10 }]])
      assert.deepEqual(await lagOf(() => Promise.resolve(behind)), [9, 3, null, 9, 3])
    })
  })

  describe('health', () => {
    const dependency = (name: string, status: 'up' | 'down', required: boolean): DependencyHealth => ({
      name,
      status,
      required,
      code: status === 'up' ? null : 'UNAVAILABLE',
      latency_ms: 1,
      checked_ts: '2026-10-01T00:00:00.000Z',
    })
    const CASES = [
      { what: 'all up', states: ['up', 'up'], health: 'ok', ready: 200 },
      { what: 'an optional one down', states: ['up', 'down'], health: 'degraded', ready: 200 },
      { what: 'the required one down', states: ['down', 'up'], health: 'degraded', ready: 503 },
    ] as const
    for (const { what, states, health, ready } of CASES)
      it(`with ${what}: ${health}, ${ready}`, async () => {
        const found = [dependency('postgres', states[0], true), dependency('kafka', states[1], false)]
        const checkDependencies = () => Promise.resolve(found)
        const answer = await readAnswer<Health>('getHealth', await get('/health', { checkDependencies }))
        assert.deepEqual([answer.status, answer.version, answer.dependencies], [health, '1.2.3', found])
        const response = await fetch(`${api?.url ?? ''}/readyz`)
        assert.equal(response.status, ready)
        const readiness = await readAnswer<Readiness>('getReadiness', response)
        assert.equal(readiness.status, ready === 200 ? 'ready' : 'not_ready')
        assert.equal((await fetch(`${api?.url ?? ''}/livez`)).status, 200)
      })

    for (const { what, status, crashes, health } of [
      { what: 'a process that does not run', status: 'restarting', crashes: 1, health: 'degraded' },
      { what: 'a process that has crashed once and runs', status: 'running', crashes: 1, health: 'ok' },
      { what: 'a process that keeps crashing', status: 'running', crashes: 3, health: 'degraded' },
    ] as const)
      it(`with ${what}: ${health}, and says which, not why`, async () => {
        const at = '2026-10-01T00:00:00.000Z'
        const shown = { name: 'archiver', status, crashes, since_ts: at, last_crash_ts: at }
        const readProcesses = () => [{ ...shown, cause: 'exit code 1' }]
        const checkDependencies = () => Promise.resolve([])
        const answer = await readAnswer<Health>('getHealth', await get('/health', { checkDependencies, readProcesses }))
        assert.deepEqual([answer.status, answer.processes], [health, [shown]])
      })

    it('answers when the states of the processes cannot be read', async () => {
      const readProcesses = () => {
        throw new Error('is not JSON')
      }
      assert.deepEqual((await readAnswer<Health>('getHealth', await get('/health', { readProcesses }))).processes, [])
    })

    it('is not ready, and closes connections, once it was told to stop', async () => {
      const response = await get('/readyz', { isStopping: () => true })
      assert.equal(response.status, 503)
      assert.equal(response.headers.get('connection'), 'close')
    })
  })

  describe('every answer', () => {
    it('has a request id: the caller’s when it is harmless, else a new one', async () => {
      const response = await get('/livez', {}, { 'x-request-id': 'Ticket-7_a.b' })
      assert.equal(response.headers.get('x-request-id'), 'Ticket-7_a.b')
      for (const bad of ['a b', 'x'.repeat(129), '<script>', 'a;b']) {
        const { headers } = await fetch(`${api?.url ?? ''}/livez`, { headers: { 'x-request-id': bad } })
        assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
      }
    })

    it('says how little a browser may do with it, and that it is not to be kept', async () => {
      for (const path of ['/livez', '/nope', '/anomalies?x=1']) {
        await api?.stop()
        const { headers } = await get(path)
        assert.equal(
          headers.get('content-security-policy'),
          "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
        )
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
        assert.equal(headers.get('cache-control'), 'private, no-store')
        for (const absent of ['etag', 'x-powered-by', 'server', 'access-control-allow-origin'])
          assert.equal(headers.get(absent), null, absent)
      }
    })

    it('is counted and timed by route template, method and status; the raw path is nowhere', async () => {
      await get('/anomalies/secret-id')
      await fetch(`${api?.url ?? ''}/secret-path`)
      await fetch(`${api?.url ?? ''}/stats`, { method: 'DELETE' })
      const text = (await api?.registry.metrics()) ?? ''
      assert.match(text, /guardian_http_requests_total\{route="\/anomalies\/\{id\}",method="GET",status="400"\} 1/)
      assert.match(text, /guardian_http_requests_total\{route="unmatched",method="GET",status="404"\} 1/)
      assert.match(text, /guardian_http_requests_total\{route="\/stats",method="DELETE",status="405"\} 1/)
      assert.match(text, /guardian_http_request_duration_seconds_bucket\{le="0.005",route="unmatched"/)
      assert.match(text, /guardian_http_requests_in_progress 0/)
      assert.doesNotMatch(text, /secret/)
      assert.doesNotMatch(api?.logLines.join('') ?? '', /secret/)
    })
  })

  describe('pages', () => {
    it('load only what this server has, and nothing inline', async () => {
      for (const path of ['/', '/docs']) {
        await api?.stop()
        const response = await get(path)
        const html = await response.text()
        assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
        const policy = response.headers.get('content-security-policy') ?? ''
        assert.match(policy, /script-src 'self';/)
        assert.doesNotMatch(policy, /unsafe/)
        assert.doesNotMatch(html, /<script>|<style|style=|onload=|https?:/)
        for (const [, loaded] of html.matchAll(/(?:src|href)="(\/[^"]*)"/g)) {
          const found = await fetch(`${api?.url ?? ''}${loaded ?? ''}`)
          assert.equal(found.status, 200, loaded)
          await found.text()
        }
      }
    })

    it('include the document that the code was made from', async () => {
      const response = await get('/openapi.json')
      const document = (await response.json()) as { openapi: string; paths: Record<string, unknown> }
      assert.equal(document.openapi, '3.1.0')
      assert.ok(document.paths['/anomalies/{id}'])
    })
  })

  it('has one address for one thing: no other case, no slash at the end', async () => {
    api = await serveApi()
    for (const path of ['/STATS', '/stats/', '/anomalies/', '//stats', '/nope'])
      assert.equal((await readProblem(await fetch(api.url + path))).code, 'ROUTE_NOT_FOUND', path)
  })

  it('answers HEAD like GET, without a body', async () => {
    api = await serveApi()
    const response = await fetch(`${api.url}/stats`, { method: 'HEAD' })
    assert.deepEqual([response.status, await response.text()], [200, ''])
  })

  it('says plainly that its port is taken', async () => {
    api = await serveApi()
    await assert.rejects(
      serveHttp(() => undefined, { host: '127.0.0.1', port: api.port, maxConnections: 1 }, createRegistry('api')),
      new RegExp(`127.0.0.1:${api.port} is in use by another process: set PORT`),
    )
  })
})
