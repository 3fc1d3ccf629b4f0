import assert from 'node:assert/strict'
import { ADMIN_KEY, asAdmin, withKey } from '../../support/api-keys.js'
import { waitUntil } from '../../support/child-process.js'
import { sendJson } from '../../support/send-json.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'
import { listAudit } from '../../../db/read-models/audit.js'
import { ensureFirstKey } from '../../../db/stores/api-keys.js'
import { digestOf, keyIdOf } from '../../../api/access/api-key.js'
import { GuardianError } from '../../../domain/errors.js'
import type { Key, Session } from '../../../schemas/rest/keys.js'

type Created = Key & { readonly key: string }

describe('access', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: Awaited<ReturnType<typeof serveRealApi>>
  beforeEach(async () => {
    database = await createMigratedDatabase('access')
    api = await serveRealApi(database.db)
  })
  afterEach(async () => {
    await api.stop()
    await database.drop()
  })

  const call = (method: string, path: string, headers: Record<string, string>, body?: object) =>
    sendJson(`${api.url}${path}`, method, headers, body)
  const createKey = async (fields: object): Promise<Created> => {
    const response = await call('POST', '/keys', asAdmin, { name: 'k', role: 'viewer', ...fields })
    assert.equal(response.headers.get('location'), `/keys/${((await response.clone().json()) as Key).key_id}`)
    return readAnswer<Created>('createKey', response)
  }
  const statusOf = async (headers: Record<string, string>, path = '/anomalies') =>
    (await call('GET', path, headers)).status
  const actions = async () => (await listAudit(database.db, { limit: 100 })).map(({ action }) => action).reverse()

  it('begins with the first admin key; another in the environment revokes it, and a revoked one stays so', async () => {
    assert.equal(await statusOf(asAdmin), 200)
    const ensure = (key: string) =>
      ensureFirstKey(database.db, { keyId: keyIdOf(digestOf(key)), digest: digestOf(key) })
    await ensure(ADMIN_KEY)
    await ensure('another-abcdefghijklmnopqrstuvwxyz01234')
    await ensure(ADMIN_KEY)
    await api.stop()
    api = await serveRealApi(database.db)
    assert.equal(await statusOf(asAdmin), 401)
    assert.deepEqual(await actions(), ['user.create', 'key.create', 'key.revoke', 'key.create'])
  })

  it('lets the first admin in again with another key in the environment, whatever was done to them', async () => {
    assert.equal(await statusOf(asAdmin), 200)
    await database.db.query(`UPDATE api_users SET role = 'viewer', disabled_ts = now()`)
    const key = 'another-abcdefghijklmnopqrstuvwxyz01234'
    await api.stop()
    api = await serveRealApi(database.db, { GUARDIAN_ADMIN_KEY: key })
    assert.equal(await statusOf(asAdmin), 401)
    assert.equal(await statusOf(withKey(key), '/users'), 200)
    assert.deepEqual((await actions()).slice(2), ['key.revoke', 'user.change', 'key.create'])
  })

  it('shows a key once; the database has its digest alone', async () => {
    const { key, key_id } = await createKey({ role: 'analyst' })
    assert.match(key, /^gdn_[A-Za-z0-9_-]{43}$/)
    assert.equal(await statusOf(withKey(key)), 200)
    const shown = await (await call('GET', `/keys/${key_id}`, asAdmin)).text()
    assert.ok(!shown.includes(key))
    const { rows } = await database.db.query<{ dump: string }>(
      `SELECT (SELECT string_agg(k::text, ' ') FROM api_keys k) || (SELECT string_agg(a::text, ' ') FROM audit_log a) AS dump`,
    )
    for (const secret of [key, ADMIN_KEY, key.slice(4, 20)]) assert.ok(!rows[0]?.dump.includes(secret))
    assert.ok(!api.logLines.join('').includes(key))
  })

  it('ends a revoked key at once, and with it the log-ins', async () => {
    const { key, key_id } = await createKey({})
    const logIn = await call('POST', '/session', {}, { key })
    const cookie = (logIn.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    assert.equal(await statusOf({ cookie }), 200)
    await readAnswer('revokeKey', await call('DELETE', `/keys/${key_id}`, asAdmin))
    assert.deepEqual([await statusOf(withKey(key)), await statusOf({ cookie })], [401, 401])
  })

  it('ends a key that another process revoked within the second that is stated', async () => {
    const { key, key_id } = await createKey({})
    assert.equal(await statusOf(withKey(key)), 200)
    await database.db.query('UPDATE api_keys SET revoked_ts = now() WHERE key_id = $1', [key_id])
    const startedAt = performance.now()
    await waitUntil(
      () => 'refused',
      5_000,
      async () => (await statusOf(withKey(key))) === 401,
    )
    assert.ok(performance.now() - startedAt < 1_500)
  })

  it('rotates: a new key of the same role, the old one goes on as long as asked', async () => {
    const old = await createKey({ role: 'operator', requests_per_minute: 50 })
    const rotated = async (id: string, overlap_seconds: number) =>
      readAnswer<Created>('rotateKey', await call('POST', `/keys/${id}/rotate`, asAdmin, { overlap_seconds }))
    const second = await rotated(old.key_id, 60)
    assert.deepEqual([second.role, second.requests_per_minute, second.rotated_from], ['operator', 50, old.key_id])
    assert.deepEqual([await statusOf(withKey(old.key)), await statusOf(withKey(second.key))], [200, 200])
    const third = await rotated(second.key_id, 0)
    assert.deepEqual([await statusOf(withKey(second.key)), await statusOf(withKey(third.key))], [401, 200])
    const problem = await readProblem(await call('POST', '/keys/key_0000000000000000/rotate', asAdmin, {}))
    assert.equal(problem.code, 'KEY_NOT_FOUND')
  })

  it('keeps the last key that lets admins in: not revoked, not rotated into one that ends, nor both of two at once', async () => {
    const { key_id: first } = await readAnswer<Session>('getSession', await call('GET', '/session', asAdmin))
    const soon = new Date(Date.now() + 3_600_000).toISOString()
    const areRefused = async () => {
      const revoked = await call('DELETE', `/keys/${first}`, asAdmin)
      const rotated = await call('POST', `/keys/${first}/rotate`, asAdmin, { expires_ts: soon, overlap_seconds: 60 })
      for (const answer of [revoked, rotated]) assert.equal((await readProblem(answer)).code, 'LAST_ADMIN')
    }
    await areRefused()
    await createKey({ role: 'operator' })
    const ending = await createKey({ role: 'admin', expires_ts: soon })
    await areRefused() // nobody would be let in an hour later
    await readAnswer('revokeKey', await call('DELETE', `/keys/${ending.key_id}`, asAdmin))
    const second = await createKey({ role: 'admin' })
    const both = await Promise.all([
      call('DELETE', `/keys/${second.key_id}`, asAdmin),
      call('DELETE', `/keys/${first}`, withKey(second.key)),
    ])
    assert.equal(both.filter(({ status }) => status === 200).length, 1)
    const [left, leftId] = both[0].status === 200 ? [ADMIN_KEY, first] : [second.key, second.key_id]
    const rotation = await call('POST', `/keys/${leftId}/rotate`, withKey(left), {})
    const fresh = await readAnswer<Created>('rotateKey', rotation)
    assert.deepEqual([await statusOf(withKey(left)), await statusOf(withKey(fresh.key), '/users')], [401, 200])
  })

  it('refuses an expiry in the past, and a key after its expiry', async () => {
    const past = await call('POST', '/keys', asAdmin, { name: 'k', role: 'viewer', expires_ts: '2020-01-01' })
    assert.equal((await readProblem(past)).errors?.[0]?.path, 'body.expires_ts')
    const { key } = await createKey({ expires_ts: new Date(Date.now() + 600).toISOString() })
    assert.equal(await statusOf(withKey(key)), 200)
    await waitUntil(
      () => 'expired',
      5_000,
      async () => (await statusOf(withKey(key))) === 401,
    )
  })

  it('limits a key to its rate, says so in every answer, and others go on', async () => {
    const { key } = await createKey({ requests_per_minute: 3 })
    const answers = []
    for (let n = 0; n < 5; n += 1) answers.push(await call('GET', '/anomalies', withKey(key)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 429, 429],
    )
    assert.deepEqual(
      answers.map(({ headers }) => /r=(\d)/.exec(headers.get('ratelimit') ?? '')?.[1]),
      ['2', '1', '0', '0', '0'],
    )
    assert.equal(answers[0]?.headers.get('ratelimit-policy'), '"key";q=3;w=60')
    assert.match(answers[4]?.headers.get('retry-after') ?? '', /^[1-9]\d?$/)
    assert.equal((await readProblem(answers[4] as Response)).code, 'RATE_LIMITED')
    assert.equal(await statusOf(asAdmin), 200)
  })

  it('counts refused keys apart: made-up ones from many addresses do not begin a key’s rate anew', async () => {
    await api.stop()
    api = await serveRealApi(database.db, { API_KEYS_KEPT_MAX: '10' }, { trustedProxies: 1 })
    const { key } = await createKey({ requests_per_minute: 1 })
    assert.deepEqual([await statusOf(withKey(key)), await statusOf(withKey(key))], [200, 429])
    for (let n = 0; n < 12; n += 1)
      await statusOf({ ...withKey(`guess-${n}-abcdefghijklmnopqrstuvwxyz`), 'x-forwarded-for': `198.51.100.${n}` })
    assert.equal(await statusOf(withKey(key)), 429)
  })

  it('limits refused keys by address, whatever X-Forwarded-For claims', async () => {
    await api.stop()
    api = await serveRealApi(database.db, { API_REFUSALS_PER_MINUTE: '5' })
    const statuses = new Map<number, number>()
    for (let n = 0; n < 12; n += 1) {
      const status = await statusOf({
        ...withKey(`guess-${n}-abcdefghijklmnopqrstuvwxyz`),
        'x-forwarded-for': `10.0.0.${n}`,
      })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    assert.deepEqual([...statuses], [[401, 5], [429, 7]]) // prettier-ignore
    assert.equal(await statusOf(asAdmin), 200)
  })

  it('lets nobody in while the database does not answer', async () => {
    await api.stop()
    const away = () => Promise.reject(new GuardianError('GRD_STORE_UNAVAILABLE', 'away'))
    api = await serveRealApi({ ...database.db, query: away, checkOut: away })
    for (const headers of [asAdmin, withKey('wrong-abcdefghijklmnopqrstuvwxyz0123456')])
      assert.equal((await readProblem(await call('GET', '/anomalies', headers))).code, 'DEPENDENCY_UNAVAILABLE')
  })

  it('writes down when a key was last used, not at every use', async () => {
    const { key, key_id } = await createKey({})
    await statusOf(withKey(key))
    const used = async () =>
      (
        await database.db.query<{ at: Date | null }>('SELECT last_used_ts AS at FROM api_keys WHERE key_id = $1', [
          key_id,
        ])
      ).rows[0]?.at
    assert.equal(await used(), null)
    await api.stop()
    assert.ok((await used()) instanceof Date)
    api = await serveRealApi(database.db)
  })

  describe('a log-in', () => {
    let cookie: string
    let session: Session
    beforeEach(async () => {
      const response = await call('POST', '/session', {}, { key: ADMIN_KEY })
      cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
      assert.match(
        response.headers.get('set-cookie') ?? '',
        /^__Host-guardian=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200$/,
      )
      session = await readAnswer<Session>('logIn', response)
    })
    const change = (headers: Record<string, string>) =>
      call('POST', '/keys', { cookie, ...headers }, { name: 'by browser', role: 'viewer' })

    it('stands for the key, and ends when it is ended', async () => {
      const who = await readAnswer<Session>('getSession', await call('GET', '/session', { cookie }))
      assert.deepEqual([who.role, who.csrf_token], ['admin', session.csrf_token])
      const csrf = { 'x-csrf-token': session.csrf_token ?? '' }
      assert.equal((await call('DELETE', '/session', { cookie, ...csrf })).status, 200)
      assert.equal(await statusOf({ cookie }), 401)
    })

    it('changes nothing without the token, or for another site', async () => {
      const token = { 'x-csrf-token': session.csrf_token ?? '' }
      const cases: Record<string, string>[] = [
        {},
        { 'x-csrf-token': 'x'.repeat(43) },
        { ...token, origin: 'https://evil.example' },
        { ...token, origin: 'null' },
        { ...token, 'sec-fetch-site': 'cross-site' },
        { ...token, 'sec-fetch-site': 'same-site' },
      ]
      for (const headers of cases) {
        const problem = await readProblem(await change(headers))
        assert.equal(problem.code, 'CROSS_SITE', JSON.stringify(headers))
      }
      assert.equal((await change({ ...token, origin: api.url, 'sec-fetch-site': 'same-origin' })).status, 201)
    })

    it('is refused for a wrong key', async () => {
      const response = await call('POST', '/session', {}, { key: 'wrong-abcdefghijklmnopqrstuvwxyz0123456' })
      assert.equal((await readProblem(response)).code, 'UNAUTHENTICATED')
      assert.equal(response.headers.get('set-cookie'), null)
    })
  })
})
