import assert from 'node:assert/strict'
import { listAudit, verifyAudit } from '../../../db/read-models/audit.js'
import type { Key, Session } from '../../../schemas/rest/keys.js'
import type { User } from '../../../schemas/rest/users.js'
import { asAdmin, withKey } from '../../support/api-keys.js'
import { waitUntil } from '../../support/child-process.js'
import { sendJson } from '../../support/send-json.js'
import { readAnswer, readProblem, type ServedApi } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

type Created = Key & { readonly key: string }
interface Page<T> {
  readonly data: readonly T[]
  readonly page: { readonly next_cursor: string | null }
}

describe('users', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: ServedApi
  /** Another process over the same database. */
  let other: ServedApi
  before(async () => {
    database = await createMigratedDatabase('users')
    api = await serveRealApi(database.db, { API_USERS_MAX: '12' })
    other = await serveRealApi(database.db)
  })
  after(async () => {
    await api.stop()
    await other.stop()
    await database.drop()
  })

  const call = (method: string, path: string, headers: Record<string, string>, body?: object) =>
    sendJson(`${api.url}${path}`, method, headers, body)
  const createUser = async (fields: object): Promise<User> =>
    readAnswer<User>(
      'createUser',
      await call('POST', '/users', asAdmin, { kind: 'person', name: 'Ada', role: 'analyst', ...fields }),
    )
  const createKey = async (fields: object): Promise<Created> =>
    readAnswer<Created>('createKey', await call('POST', '/keys', asAdmin, { name: 'k', role: 'viewer', ...fields }))
  const change = async (userId: string, body: object, headers: Record<string, string> = asAdmin) => {
    const etag = (await call('GET', `/users/${userId}`, asAdmin)).headers.get('etag') ?? ''
    return call('PATCH', `/users/${userId}`, { ...headers, 'if-match': etag }, body)
  }
  const changed = async (userId: string, body: object) => readAnswer<User>('changeUser', await change(userId, body))
  const statusOf = async (key: string, path = '/anomalies', { url } = api) =>
    (await fetch(`${url}${path}`, { headers: withKey(key) })).status
  const firstAdmin = async () =>
    (await readAnswer<Session>('getSession', await call('GET', '/session', asAdmin))).user?.user_id ?? ''

  it('are made, read with a tag, and listed page by page', async () => {
    const made = await call('POST', '/users', asAdmin, {
      kind: 'service',
      name: 'shop',
      role: 'collector',
      email: 'a@b.example',
    })
    const location = made.headers.get('location') ?? ''
    const user = await readAnswer<User>('createUser', made.clone())
    assert.deepEqual([location, user.enabled, user.email], [`/users/${user.user_id}`, true, 'a@b.example'])
    const first = await call('GET', location, asAdmin)
    const etag = first.headers.get('etag') ?? ''
    assert.equal(etag, made.headers.get('etag'))
    assert.equal((await call('GET', location, { ...asAdmin, 'if-none-match': etag })).status, 304)
    await changed(user.user_id, { name: 'the shop' })
    assert.equal((await call('GET', location, { ...asAdmin, 'if-none-match': etag })).status, 200)

    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page<User> = await readAnswer<Page<User>>(
        'listUsers',
        await call('GET', `/users?limit=1${cursor && `&cursor=${cursor}`}`, asAdmin),
      )
      seen.push(...page.data.map(({ user_id }) => user_id))
      cursor = page.page.next_cursor
    }
    assert.deepEqual(seen, [await firstAdmin(), user.user_id])
    const collectors = await readAnswer<Page<User>>('listUsers', await call('GET', '/users?role=collector', asAdmin))
    assert.deepEqual(
      collectors.data.map(({ name }) => name),
      ['the shop'],
    )
    assert.equal((await readProblem(await call('GET', '/users/user_ffffffffffffffff', asAdmin))).code, 'USER_NOT_FOUND')
  })

  it('are changed only by who has seen them as they are, and an address is one user’s', async () => {
    const user = await createUser({ email: 'Ada@shop.example' })
    const path = `/users/${user.user_id}`
    assert.equal((await readProblem(await call('PATCH', path, asAdmin, { name: 'x' }))).code, 'PRECONDITION_REQUIRED')
    const old = (await call('GET', path, asAdmin)).headers.get('etag') ?? ''
    await changed(user.user_id, { name: 'Ada B.' })
    const late = await call('PATCH', path, { ...asAdmin, 'if-match': old }, { name: 'y' })
    assert.equal((await readProblem(late)).code, 'PRECONDITION_FAILED')
    const twin = { kind: 'person', name: 'Eve', role: 'viewer', email: 'ada@SHOP.example' }
    assert.equal((await readProblem(await call('POST', '/users', asAdmin, twin))).code, 'EMAIL_TAKEN')
    assert.equal((await readProblem(await change(await firstAdmin(), { email: twin.email }))).code, 'EMAIL_TAKEN')
    const now = await changed(user.user_id, { email: null })
    assert.deepEqual([now.name, now.email, now.role], ['Ada B.', null, 'analyst'])
    for (const wrong of [
      { email: 'nobody' },
      { role: 'king' },
      { name: 'a\u0000b' },
      { enabled: 'no' },
      { kind: 'service' },
    ])
      assert.equal((await readProblem(await change(user.user_id, wrong))).code, 'BAD_REQUEST', JSON.stringify(wrong))
  })

  it('have keys that may do what both may, and a change of role acts at once', async () => {
    const { user_id } = await createUser({ role: 'admin' })
    const { key } = await createKey({ role: 'operator', user_id })
    assert.deepEqual(
      [await statusOf(key), await statusOf(key, '/allowlist'), await statusOf(key, '/keys')],
      [200, 200, 403],
    )
    await changed(user_id, { role: 'viewer' })
    assert.deepEqual([await statusOf(key), await statusOf(key, '/allowlist')], [200, 403])
    await changed(user_id, { role: 'collector' })
    assert.equal(await statusOf(key), 403)
    await changed(user_id, { role: 'admin' })
    assert.deepEqual([await statusOf(key, '/allowlist'), await statusOf(key, '/keys')], [200, 403])
    const mine = await readAnswer<Page<Key>>('listKeys', await call('GET', `/keys?user_id=${user_id}`, asAdmin))
    assert.deepEqual(
      mine.data.map(({ role, user_id: of }) => [role, of]),
      [['operator', user_id]],
    )
  })

  it('get no key that would do less than it says; without an owner it is the caller’s', async () => {
    const analyst = await createUser({})
    const refused = async (fields: object) =>
      (await readProblem(await call('POST', '/keys', asAdmin, { name: 'k', role: 'viewer', ...fields }))).code
    for (const role of ['operator', 'collector'])
      assert.equal(await refused({ user_id: analyst.user_id, role }), 'WRONG_STATE', role)
    assert.equal(await refused({ user_id: 'user_ffffffffffffffff' }), 'USER_NOT_FOUND')
    await changed(analyst.user_id, { enabled: false })
    assert.equal(await refused({ user_id: analyst.user_id }), 'WRONG_STATE')
    assert.equal((await createKey({})).user_id, await firstAdmin())
  })

  it('who are disabled are refused with every key and log-in, here at once and elsewhere within a second', async () => {
    const { user_id } = await createUser({ role: 'operator' })
    const keys = [await createKey({ user_id }), await createKey({ user_id, role: 'operator' })]
    const logIn = await call('POST', '/session', {}, { key: keys[0]?.key })
    const cookie = (logIn.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    const withCookie = async () => (await call('GET', '/session', { cookie })).status
    const statuses = (at = api) => Promise.all(keys.map(({ key }) => statusOf(key, '/anomalies', at)))
    assert.deepEqual([await statuses(), await statuses(other), await withCookie()], [[200, 200], [200, 200], 200])
    const off = await changed(user_id, { enabled: false })
    assert.ok(off.disabled_ts !== null && !off.enabled)
    assert.deepEqual([await statuses(), await withCookie()], [[401, 401], 401])
    await waitUntil(
      () => 'refused elsewhere',
      2_000,
      async () => (await statuses(other)).every((status) => status === 401),
    )
    await changed(user_id, { enabled: true })
    assert.deepEqual([await statuses(), await withCookie()], [[200, 200], 401], 'a log-in does not come back')
  })

  it('cannot lock everybody out: the last enabled admin with a key stays one', async () => {
    const first = await firstAdmin()
    const second = await createUser({ name: 'Bo', role: 'admin' }) // who has no key, and then one that ends
    const refusedOf = async (body: object) => (await readProblem(await change(first, body))).code
    assert.equal(await refusedOf({ enabled: false }), 'LAST_ADMIN')
    await createKey({ role: 'admin', user_id: second.user_id, expires_ts: new Date(Date.now() + 60_000).toISOString() })
    for (const last of [{ enabled: false }, { role: 'operator' }])
      assert.equal(await refusedOf(last), 'LAST_ADMIN', JSON.stringify(last))
    const { key } = await createKey({ role: 'admin', user_id: second.user_id })
    const etags = await Promise.all(
      [first, second.user_id].map(async (id) => (await call('GET', `/users/${id}`, asAdmin)).headers.get('etag') ?? ''),
    )
    // Each disables the other at the same moment: one of them must stay.
    const both = await Promise.all(
      [
        [second.user_id, asAdmin, etags[1]],
        [first, withKey(key), etags[0]],
      ].map(([id, who, etag]) =>
        call('PATCH', `/users/${id as string}`, { ...(who as object), 'if-match': etag as string }, { enabled: false }),
      ),
    )
    assert.equal(both.filter(({ status }) => status === 200).length, 1)
    const { rows } = await database.db.query(
      `SELECT FROM api_users u WHERE u.role = 'admin' AND u.disabled_ts IS NULL AND u.user_id = ANY($1)`,
      [[first, second.user_id]],
    )
    assert.equal(rows.length, 1)
    await database.db.query('UPDATE api_users SET disabled_ts = NULL WHERE user_id = $1', [first])
    await waitUntil(
      () => 'let in again',
      3_000,
      async () => (await call('GET', '/users', asAdmin)).status === 200,
    )
  })

  it('leave an audit record of every change, in the same transaction, and none of what changes nothing', async () => {
    const { user_id } = await createUser({ name: 'Cy' })
    await changed(user_id, { role: 'operator' })
    await changed(user_id, { role: 'operator' })
    const records = await listAudit(database.db, { target: `user/${user_id}`, limit: 10 })
    assert.deepEqual(
      records.map(({ action, before, after }) => [action, roleIn(before), roleIn(after)]),
      [
        ['user.change', 'analyst', 'operator'],
        ['user.create', undefined, 'analyst'],
      ],
    )
    const { key } = await createKey({ name: 'pager', role: 'operator', user_id })
    await call('POST', '/session', {}, { key })
    const [logIn] = await listAudit(database.db, { action: 'session.create', limit: 1 })
    assert.equal(logIn?.actorName, 'Cy (pager)')
    await database.db.query(`ALTER TABLE audit_log ADD CONSTRAINT no_more CHECK (action <> 'user.change') NOT VALID`)
    assert.equal((await change(user_id, { role: 'viewer' })).status, 500)
    await database.db.query('ALTER TABLE audit_log DROP CONSTRAINT no_more')
    const now = await readAnswer<User>('getUser', await call('GET', `/users/${user_id}`, asAdmin))
    assert.equal(now.role, 'operator')
    assert.deepEqual((await verifyAudit(database.db)).faults, [])
  })

  it('are so many at most', async () => {
    const statuses: number[] = []
    for (let n = 0; n < 13 && statuses.at(-1) !== 409; n += 1)
      statuses.push((await call('POST', '/users', asAdmin, { kind: 'person', name: `u${n}`, role: 'viewer' })).status)
    assert.equal(statuses.at(-1), 409)
    const { rows } = await database.db.query<{ users: number }>('SELECT count(*) AS users FROM api_users')
    assert.equal(rows[0]?.users, 12)
  })
})

const roleIn = (said: unknown): unknown => (said as { role?: unknown } | null)?.role
