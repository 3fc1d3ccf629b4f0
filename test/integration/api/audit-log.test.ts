import assert from 'node:assert/strict'
import { ADMIN_KEY, asAdmin, withKey } from '../../support/api-keys.js'
import { sendJson } from '../../support/send-json.js'
import { readAnswer } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'
import { listAudit, verifyAudit } from '../../../db/read-models/audit.js'
import { digestOf, keyIdOf } from '../../../api/access/api-key.js'
import type { Key } from '../../../schemas/rest/keys.js'

type Created = Key & { readonly key: string }

describe('the audit log', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: Awaited<ReturnType<typeof serveRealApi>>
  beforeEach(async () => {
    database = await createMigratedDatabase('audit log')
    api = await serveRealApi(database.db)
  })
  afterEach(async () => {
    await api.stop()
    await database.drop()
  })

  const call = (method: string, path: string, headers: Record<string, string>, body?: object) =>
    sendJson(`${api.url}${path}`, method, headers, body)
  const createKey = async (fields: object) =>
    readAnswer<Created>('createKey', await call('POST', '/keys', asAdmin, { name: 'k', role: 'viewer', ...fields }))
  const statusOf = async (headers: Record<string, string>) => (await call('GET', '/anomalies', headers)).status

  it('has every change with who, before and after, and leads to the request', async () => {
    const { key_id } = await createKey({ name: 'Łódź 🔑' })
    const response = await call('DELETE', `/keys/${key_id}`, { ...asAdmin, 'x-request-id': 'ticket-7' })
    assert.equal(response.status, 200)
    const [record] = await listAudit(database.db, { requestId: 'ticket-7', limit: 1 })
    assert.ok(record)
    assert.equal(record.action, 'key.revoke')
    assert.equal(record.actor, keyIdOf(digestOf(ADMIN_KEY)))
    assert.equal(record.actorName, 'first admin')
    assert.equal((record.before as { revoked_ts: unknown }).revoked_ts, null)
    assert.ok((record.after as { revoked_ts: unknown }).revoked_ts)
    await readAnswer('listAudit', await call('GET', '/audit?limit=2', asAdmin))
  })

  it('has what was denied, and how much of a storm it left out', async () => {
    await api.stop()
    api = await serveRealApi(database.db, { API_DENIALS_QUEUE_MAX: '10' })
    const { key } = await createKey({})
    await Promise.all(Array.from({ length: 30 }, () => call('GET', '/keys', withKey(key)).then((r) => r.text())))
    await call('GET', '/anomalies', withKey('wrong-abcdefghijklmnopqrstuvwxyz0123456'))
    await api.stop()
    const denied = (await listAudit(database.db, { limit: 100 })).filter(({ outcome }) => outcome === 'denied')
    const recorded = denied.filter(({ action }) => action === 'GET /keys' || action === 'GET /anomalies')
    const leftOut = denied.filter(({ action }) => action === 'denials.unrecorded')
    const counted = leftOut.reduce((sum, { after }) => sum + (after as { count: number }).count, 0)
    assert.equal(recorded.length + counted, 31)
    assert.ok(recorded.length >= 10 && counted > 0)
    api = await serveRealApi(database.db)
  })

  it('is stored with the change or not at all', async () => {
    await statusOf(asAdmin)
    await database.db.query(`ALTER TABLE audit_log ADD CONSTRAINT no_more CHECK (action <> 'key.create') NOT VALID`)
    const response = await call('POST', '/keys', asAdmin, { name: 'k', role: 'viewer' })
    assert.equal(response.status, 500)
    const { rows } = await database.db.query<{ keys: number }>('SELECT count(*) AS keys FROM api_keys')
    assert.equal(rows[0]?.keys, 1)
  })

  it('takes inserts alone', async () => {
    await statusOf(asAdmin)
    for (const statement of [
      `UPDATE audit_log SET actor = 'x'`,
      'DELETE FROM audit_log',
      'TRUNCATE audit_log',
      'DELETE FROM audit_log WHERE false',
    ])
      await assert.rejects(database.db.query(statement), { code: 'GRD_STORE_REFUSED' }, statement)
  })

  it('shows every tampering, whoever gets around that', async () => {
    for (let n = 0; n < 6; n += 1) await createKey({ name: `k${n}` })
    assert.deepEqual((await verifyAudit(database.db)).faults, [])
    const tamper = async (statement: string) => {
      await database.db.query('ALTER TABLE audit_log DISABLE TRIGGER audit_log_insert_only')
      await database.db.query('CREATE TABLE kept AS SELECT * FROM audit_log')
      await database.db.query(statement)
      const { faults } = await verifyAudit(database.db)
      await database.db.query('DELETE FROM audit_log')
      await database.db.query('INSERT INTO audit_log SELECT * FROM kept')
      await database.db.query('DROP TABLE kept')
      return faults.map(({ seq, fault }) => `${seq} ${fault}`)
    }
    const columns = ['actor', 'actor_name', 'action', 'target', 'request_id']
    for (const column of columns)
      assert.deepEqual(await tamper(`UPDATE audit_log SET ${column} = 'x' WHERE seq = 4`), ['4 changed'], column)
    for (const change of [
      `recorded_ts = recorded_ts + interval '1 ms'`,
      `outcome = 'denied'`,
      `before = '{}'`,
      `after = after || '{"role": "admin"}'`,
    ])
      assert.deepEqual(await tamper(`UPDATE audit_log SET ${change} WHERE seq = 4`), ['4 changed'], change)
    assert.deepEqual(await tamper('DELETE FROM audit_log WHERE seq = 4'), ['4 missing'])
    assert.deepEqual(await tamper('DELETE FROM audit_log WHERE seq = 1'), ['1 missing'])
    const hash = `sha256('x'::bytea)`
    assert.deepEqual(await tamper(`UPDATE audit_log SET hash = ${hash} WHERE seq = 4`), ['4 changed', '5 not_chained'])
    assert.deepEqual((await verifyAudit(database.db)).faults, [])
  })

  it('keeps one chain when many write at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => createKey({ name: `k${n}` })))
    const { records, faults, head } = await verifyAudit(database.db)
    assert.deepEqual([records, faults, head?.seq], [21, [], 21])
  })
})
