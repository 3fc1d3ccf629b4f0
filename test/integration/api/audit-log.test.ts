import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { ADMIN_KEY, asAdmin, withKey } from '../../support/api-keys.js'
import { sendJson } from '../../support/send-json.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'
import { listAudit, verifyAudit } from '../../../db/read-models/audit.js'
import { verifyExport } from '../../../cli/audit/verify-export.js'
import { recordDenials } from '../../../db/stores/audit.js'
import { ExportEnd, ExportLine } from '../../../schemas/rest/audit-export.js'
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

  it('has what was denied: once for a caller, a reason and a minute, with the number of attempts', async () => {
    const { key } = await createKey({})
    await Promise.all(Array.from({ length: 30 }, () => call('GET', '/keys', withKey(key)).then((r) => r.text())))
    await call('GET', '/anomalies', withKey('wrong-abcdefghijklmnopqrstuvwxyz0123456'))
    await api.stop()
    const denied = (await listAudit(database.db, { limit: 100 })).filter(({ outcome }) => outcome === 'denied')
    const attempts = (of: string) =>
      denied.filter(({ action }) => action === of).map(({ after }) => (after as { attempts?: number }).attempts ?? 1)
    assert.equal(attempts('GET /anomalies').length, 1)
    const keys = attempts('GET /keys')
    assert.ok(keys.length <= 3, keys.join(', ')) // the first ones are written at once, the others when the API ends
    assert.equal(
      keys.reduce((sum, n) => sum + n, 0),
      30,
    )
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

  it('is exported whole or in parts, each with a chain that its receiver can check', async () => {
    await statusOf(asAdmin)
    const attempts = (count: number) =>
      Array.from({ length: count }, (_, n) => ({
        ...{ actor: 'key_1', actorName: 'Łódź 🔑', requestId: `r${n}`, action: 'GET /keys', target: '/keys' },
        ...{ before: null, after: { b: 1, a: ['x', n], reason: 'forbidden', deep: { z: null, y: 0.1 } } },
      }))
    await recordDenials(database.db, attempts(298))
    const exported = async (query = '') => {
      const response = await call('GET', `/audit/export${query}`, asAdmin)
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/x-ndjson'])
      const lines = (await response.text()).trimEnd().split('\n')
      const parsed = lines.map((line) => ExportLine.parse(JSON.parse(line)))
      const end = ExportEnd.parse(parsed.at(-1))
      const verdict = await verifyExport(Readable.from(lines))
      assert.deepEqual(verdict.faults, [])
      assert.deepEqual([verdict.records, verdict.head], [end.records, end.head])
      return { end, ...verdict }
    }
    const { head } = await verifyAudit(database.db)
    const whole = await exported()
    assert.deepEqual([whole.end.complete, whole.records, whole.head, whole.begins], [true, 300, head, null])

    const first = await exported('?limit=250')
    assert.deepEqual([first.end.complete, first.end.reason, first.end.next_cursor], [false, 'limit', '250'])
    const rest = await exported(`?cursor=${first.end.next_cursor ?? ''}`)
    assert.deepEqual([rest.end.complete, rest.records, rest.begins, rest.head], [true, 50, first.head, head])

    await new Promise((resolve) => setTimeout(resolve, 5))
    const noted = new Date().toISOString()
    await recordDenials(database.db, attempts(2))
    assert.deepEqual((await exported(`?from=${noted}`)).begins, head)
    assert.deepEqual((await exported(`?to=${noted}`)).head, head)
    const none = await exported('?from=2100-01-01')
    assert.deepEqual([none.end.complete, none.records, none.head], [true, 0, null])
    assert.equal((await readProblem(await call('GET', '/audit/export?limit=1001', asAdmin))).code, 'BAD_REQUEST')
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
    assert.deepEqual([records, faults, head?.seq], [22, [], 22]) // the first admin and their key, too
  })
})
