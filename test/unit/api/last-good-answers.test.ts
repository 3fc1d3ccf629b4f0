import assert from 'node:assert/strict'
import { acceptedAgeMs, LastGoodAnswers } from '../../../api/last-good-answers.js'
import type { Guard } from '../../../api/middleware/guard.js'
import { contextOf } from '../../../api/request-context.js'
import type { AnomalyPage } from '../../../db/read-models/anomalies.js'
import type { Role } from '../../../domain/access/roles.js'
import { GuardianError } from '../../../domain/errors.js'
import { Registry } from '../../../platform/metrics.js'
import type { AnomalyList } from '../../../schemas/rest/anomalies.js'
import { anomalyRow } from '../../support/anomaly-row.js'
import { readAnswer, readProblem, serveApi, type ServedApi } from '../../support/serve-api.js'

describe('LastGoodAnswers', () => {
  let nowMs = 0
  let kept: LastGoodAnswers
  const answer = (text: string) => ({ text, etag: '"e"', readMs: nowMs })
  beforeEach(() => {
    nowMs = 0
    kept = new LastGoodAnswers({ maxBytes: 100, maxAgeMs: 60_000 }, () => nowMs, new Registry())
  })

  it('gives what was kept last, with its age, as far as caller and process go', () => {
    kept.keep('a', answer('old'))
    kept.keep('a', answer('new'))
    nowMs = 30_500
    assert.deepEqual([kept.find('a', 60_000)?.answer.text, kept.find('a', 60_000)?.ageSeconds], ['new', 30])
    assert.equal(kept.find('a', 30_000), undefined)
    assert.equal(kept.find('b', 60_000), undefined)
    nowMs = 60_001
    assert.equal(kept.find('a', Number.POSITIVE_INFINITY), undefined)
  })

  it('keeps no more bytes than it may: the oldest go, and what alone is too much is not kept', () => {
    for (const name of ['a', 'b', 'c']) kept.keep(name, answer('x'.repeat(40)))
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => kept.find(name, 1_000) !== undefined),
      [false, true, true],
    )
    kept.keep('b', answer('x'.repeat(101)))
    assert.equal(kept.find('b', 1_000), undefined)
    for (let n = 0; n < 1_000; n += 1) kept.keep('c', answer('x'.repeat(90)))
    assert.ok(kept.find('c', 1_000))
  })

  it('understands what a caller takes, and nothing else', () => {
    const cases: readonly (readonly [string | undefined, number | undefined])[] = [
      [undefined, undefined],
      ['no-cache', undefined],
      ['stale-if-error', undefined],
      ['stale-if-error=x', undefined],
      ['stale-if-error=-1', undefined],
      ['stale-if-error=60', 60_000],
      ['no-transform, Stale-If-Error = "60"', 60_000],
      ['max-stale=5', 5_000],
      ['max-stale', Number.POSITIVE_INFINITY],
    ]
    for (const [header, ageMs] of cases) assert.equal(acceptedAgeMs(header), ageMs, header)
  })
})

describe('a read while the database is away', () => {
  let api: ServedApi
  let read: () => Promise<AnomalyPage>
  const good = () => Promise.resolve({ rows: [anomalyRow()], hasMore: false })
  before(async () => {
    api = await serveApi({ anomalies: { list: () => read(), get: () => Promise.resolve(undefined) } })
  })
  after(() => api.stop())
  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${api.url}${path}`, { headers })
  const away = (error: unknown) => () => Promise.reject(error instanceof Error ? error : new Error('none'))
  const takesStale = { 'cache-control': 'stale-if-error=60' }

  it('is answered with the last good answer, marked, to who takes it, and to nobody else', async () => {
    read = good
    const fresh = await get('/anomalies?limit=3')
    const [etag, text] = [fresh.headers.get('etag') ?? '', await fresh.text()]
    assert.equal(fresh.headers.get('age'), null)
    read = away(new GuardianError('GRD_STORE_TIMEOUT', 'too slow'))
    assert.equal((await readProblem(await get('/anomalies?limit=3'))).code, 'DEPENDENCY_UNAVAILABLE')
    const stale = await get('/anomalies?limit=3', takesStale)
    assert.deepEqual([stale.status, stale.headers.get('etag')], [200, etag])
    assert.match(stale.headers.get('age') ?? '', /^\d+$/)
    assert.match(stale.headers.get('warning') ?? '', /^111 /)
    assert.deepEqual(await readAnswer<AnomalyList>('listAnomalies', stale), JSON.parse(text))
    assert.equal((await get('/anomalies?limit=3', { ...takesStale, 'if-none-match': etag })).status, 304)
    assert.equal((await get('/anomalies?limit=4', takesStale)).status, 503)
  })

  it('is not answered with what another caller was told, of the same role or of another', async () => {
    const roles: Readonly<Record<string, Role>> = { key_1: 'viewer', key_2: 'viewer', key_3: 'admin' }
    const guard: Guard = () => (request, response, next) => {
      const keyId = request.get('x-test-key') ?? ''
      const role = roles[keyId] ?? 'viewer'
      contextOf(response).principal = { keyId, name: keyId, user: null, role, requestsPerMinute: null }
      next()
    }
    const several = await serveApi({ guard, anomalies: { list: () => read(), get: () => Promise.resolve(undefined) } })
    try {
      const ask = (key: string) =>
        fetch(`${several.url}/anomalies?limit=6`, { headers: { ...takesStale, 'x-test-key': key } })
      read = good
      assert.equal((await ask('key_1')).status, 200)
      read = away(new GuardianError('GRD_STORE_TIMEOUT', 'too slow'))
      const statuses = await Promise.all(['key_1', 'key_2', 'key_3'].map(async (key) => (await ask(key)).status))
      assert.deepEqual(statuses, [200, 503, 503])
    } finally {
      await several.stop()
    }
  })

  it('is not answered so when the fault is ours', async () => {
    read = good
    await get('/anomalies?limit=5')
    read = away(new Error('a mistake'))
    assert.equal((await get('/anomalies?limit=5', takesStale)).status, 500)
  })
})
