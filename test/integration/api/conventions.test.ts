import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { listAnomalies } from '../../../db/read-models/anomalies.js'
import { listApiKeys } from '../../../db/stores/api-keys.js'
import type { Key } from '../../../schemas/rest/keys.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { asAdmin } from '../../support/api-keys.js'
import { readProblem } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

describe('conventions', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: Awaited<ReturnType<typeof serveRealApi>>
  let reads: number
  beforeEach(async () => {
    reads = 0
    database = await createMigratedDatabase('conventions')
    api = await serveRealApi(database.db, {}, {
      anomalies: {
        list: (request) => {
          reads += 1
          return listAnomalies(database.db, request)
        },
        get: () => Promise.resolve(undefined),
      },
    }) // prettier-ignore
  })
  afterEach(async () => {
    await api.stop()
    await database.drop()
  })
  const get = (headers: Record<string, string> = {}, path = '/anomalies?limit=5') =>
    fetch(`${api.url}${path}`, { headers: { ...asAdmin, 'accept-encoding': 'identity', ...headers } })
  const post = (body: object, headers: Record<string, string>) =>
    fetch(`${api.url}/keys`, {
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

  describe('conditional reads', () => {
    it('give 20 × 304 until the content changes, then the new content with another tag', async () => {
      await insertAnomalies(database.db, [anomalyRow()])
      const first = await get()
      const etag = first.headers.get('etag') ?? ''
      assert.match(etag, /^"[\w-]{27}"$/)
      assert.equal(first.headers.get('cache-control'), 'private, no-store')
      assert.equal(first.headers.get('vary'), 'authorization, cookie, accept-encoding')
      for (let n = 0; n < 20; n += 1) {
        const again = await get({ 'if-none-match': etag })
        assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, etag, ''])
        if (n % 7 === 0) await pause(260)
      }
      assert.ok(reads >= 3 && reads < 20, `${reads} reads`)
      await insertAnomalies(database.db, [anomalyRow({ sessionId: 's2' })])
      await pause(260)
      const changed = await get({ 'if-none-match': etag })
      assert.equal(changed.status, 200)
      assert.notEqual(changed.headers.get('etag'), etag)
    })

    it('give the new content at once after a change that was made here', async () => {
      const etag = (await get({}, '/keys')).headers.get('etag') ?? ''
      assert.equal((await get({ 'if-none-match': etag }, '/keys')).status, 304)
      assert.equal((await post({ name: 'n', role: 'viewer' }, {})).status, 201)
      assert.equal((await get({ 'if-none-match': etag }, '/keys')).status, 200)
    })

    it('are answered 304 for nobody whose key is refused, nor in another role', async () => {
      const etag = (await get()).headers.get('etag') ?? ''
      const refused = await fetch(`${api.url}/anomalies?limit=5`, { headers: { 'if-none-match': etag } })
      assert.equal(refused.status, 401)
      const { key } = (await (await post({ name: 'v', role: 'viewer' }, {})).json()) as { key: string }
      await get()
      const before = reads
      await get({ authorization: `Bearer ${key}`, 'if-none-match': etag })
      assert.equal(reads, before + 1)
    })

    it('do not take a tag that was made up, and say nothing of errors and health', async () => {
      await get()
      for (const made of ['"x"', 'x', '', 'W/"x"'])
        assert.equal((await get({ 'if-none-match': made })).status, 200, made)
      assert.equal((await get({}, '/anomalies?limit=0')).headers.get('etag'), null)
      assert.equal((await get({}, '/livez')).headers.get('etag'), null)
    })
  })

  it('long answers are compressed as the caller likes, each with a strong tag of its own', async () => {
    await insertAnomalies(
      database.db,
      Array.from({ length: 20 }, (_, n) => anomalyRow({ sessionId: `s${n}` })),
    )
    const path = '/anomalies?limit=20'
    const plain = await get({}, path)
    const texts = [await plain.text()]
    const tags = [plain.headers.get('etag')]
    for (const encoding of ['gzip', 'br']) {
      const response = await get({ 'accept-encoding': encoding }, path)
      assert.equal(response.headers.get('content-encoding'), encoding)
      texts.push(await response.text()) // fetch has decompressed it
      tags.push(response.headers.get('etag'))
    }
    assert.equal(new Set(texts).size, 1)
    assert.equal(new Set(tags).size, 3)
    for (const tag of tags) assert.equal((await get({ 'if-none-match': tag ?? '' }, path)).status, 304)
  })

  describe('a request with an Idempotency-Key', () => {
    const names = async () => (await listApiKeys(database.db, { limit: 100 })).map(({ name }) => name).sort()

    it('is done once, however often and from wherever it comes', async () => {
      const second = await serveRealApi(database.db)
      const key = randomUUID()
      const headers = { ...asAdmin, 'content-type': 'application/json', 'idempotency-key': key }
      const statuses = await Promise.all(
        Array.from({ length: 20 }, async (_, n) => {
          const url = n % 2 === 0 ? api.url : second.url
          const body = JSON.stringify({ name: 'once', role: 'viewer' })
          return (await fetch(`${url}/keys`, { method: 'POST', headers, body })).status
        }),
      )
      await second.stop()
      assert.equal(statuses.filter((status) => status === 201).length, 1)
      assert.ok(statuses.every((status) => status === 201 || status === 409))
      assert.deepEqual(await names(), ['first admin', 'once'])
    })

    it('is refused for another body', async () => {
      const headers = { 'idempotency-key': 'k1' }
      assert.equal((await post({ name: 'a', role: 'viewer' }, headers)).status, 201)
      assert.equal((await readProblem(await post({ name: 'b', role: 'viewer' }, headers))).code, 'IDEMPOTENCY_MISMATCH')
      assert.deepEqual(await names(), ['a', 'first admin'])
    })

    it('never gives a secret again', async () => {
      const headers = { 'idempotency-key': 'k1' }
      const { key } = (await (await post({ name: 'a', role: 'viewer' }, headers)).json()) as Key & { key: string }
      assert.equal((await readProblem(await post({ name: 'a', role: 'viewer' }, headers))).code, 'IDEMPOTENCY_SPENT')
      const { rows } = await database.db.query<{ dump: string }>('SELECT i::text AS dump FROM idempotency_keys i')
      assert.ok(rows.length === 1 && !rows[0]?.dump.includes(key))
    })

    it('may be repeated after it was refused, or failed without a change', async () => {
      const headers = { 'idempotency-key': 'k1' }
      const past = { name: 'a', role: 'viewer', expires_ts: '2020-01-01' }
      for (let n = 0; n < 2; n += 1) assert.equal((await readProblem(await post(past, headers))).code, 'BAD_REQUEST')
    })

    it('stays open when nobody can know how it ended', async () => {
      const claim = [`key_${'0'.repeat(16)}`, 'k1', Buffer.alloc(32)]
      await database.db.query(
        'INSERT INTO idempotency_keys (key_id, idempotency_key, digest) VALUES ($1, $2, $3)',
        claim,
      )
      await post({ name: 'a', role: 'viewer' }, { 'idempotency-key': 'k1' })
      await database.db.query('UPDATE idempotency_keys SET answered_ts = NULL')
      const problem = await readProblem(await post({ name: 'a', role: 'viewer' }, { 'idempotency-key': 'k1' }))
      assert.equal(problem.code, 'IDEMPOTENCY_IN_FLIGHT')
    })

    it('may be repeated, as it was, once its process must have ended without a change', async () => {
      const headers = { 'idempotency-key': 'k1' }
      await post({ name: 'a', role: 'viewer' }, headers)
      await database.db.query(
        `UPDATE idempotency_keys SET answered_ts = NULL, changed_ts = NULL, answer = NULL, created_ts = now() - interval '121 seconds'`,
      )
      assert.equal((await readProblem(await post({ name: 'b', role: 'viewer' }, headers))).code, 'IDEMPOTENCY_MISMATCH')
      assert.equal((await post({ name: 'a', role: 'viewer' }, headers)).status, 201)
      assert.equal((await readProblem(await post({ name: 'a', role: 'viewer' }, headers))).code, 'IDEMPOTENCY_SPENT')
    })

    it('is not made again when its process ended after its change', async () => {
      const headers = { 'idempotency-key': 'k1' }
      await post({ name: 'a', role: 'viewer' }, headers)
      const lost = `UPDATE idempotency_keys SET answered_ts = NULL, answer = NULL, created_ts = now() - interval '121 seconds'`
      await database.db.query(lost)
      for (let n = 0; n < 2; n += 1) {
        const problem = await readProblem(await post({ name: 'a', role: 'viewer' }, headers))
        assert.equal(problem.code, 'IDEMPOTENCY_ANSWER_LOST')
      }
      assert.deepEqual(await names(), ['a', 'first admin'])
    })

    it('must be one line of visible ASCII', async () => {
      for (const bad of ['a b', 'x'.repeat(256), 'é'])
        assert.equal(
          (await readProblem(await post({ name: 'a', role: 'viewer' }, { 'idempotency-key': bad }))).status,
          400,
        )
    })
  })
})
