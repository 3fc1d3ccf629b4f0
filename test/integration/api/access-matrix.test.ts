import assert from 'node:assert/strict'
import { digestOf, keyIdOf } from '../../../api/access/api-key.js'
import { createApiKey, revokeApiKey } from '../../../db/stores/api-keys.js'
import { mayDo, ROLES, type Access, type Role } from '../../../domain/access/roles.js'
import type { Operation } from '../../../schemas/rest/operation.js'
import { withKey } from '../../support/api-keys.js'
import { operations, type ServedApi } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

/**
 * Who may call what, written down once more: a route that is not in this table fails, and so does one whose role was
 * changed in the code alone.
 */
const WHO_MAY: Readonly<Record<string, Access>> = {
  'GET /': 'open',
  'GET /openapi.json': 'open',
  'GET /docs': 'open',
  'GET /docs/swagger-ui.css': 'open',
  'GET /docs/swagger-ui-bundle.js': 'open',
  'GET /docs/start.js': 'open',
  'GET /docs/runbook': 'open',
  'GET /health': 'open',
  'GET /livez': 'open',
  'GET /readyz': 'open',
  'GET /stats': 'viewer',
  'GET /slo': 'viewer',
  'GET /anomalies': 'viewer',
  'GET /anomalies/{id}': 'viewer',
  'GET /anomalies/stream': 'viewer',
  'GET /anomalies/{id}/verdict': 'viewer',
  'PUT /anomalies/{id}/verdict': 'analyst',
  'GET /allowlist': 'analyst',
  'POST /allowlist': 'operator',
  'GET /allowlist/{id}': 'analyst',
  'DELETE /allowlist/{id}': 'operator',
  'GET /sessions/{session_id}': 'viewer',
  'GET /sessions/{session_id}/events': 'viewer',
  'GET /backfills/preview': 'viewer',
  'POST /backfills': 'operator',
  'GET /backfills/{id}': 'viewer',
  'POST /metrics/daily/{day}/runs': 'operator',
  'GET /metrics/daily/{day}/runs/{run_id}': 'viewer',
  'GET /dlq/records': 'viewer',
  'POST /dlq/replays': 'operator',
  'GET /dlq/replays/{id}': 'viewer',
  'GET /schedules': 'viewer',
  'POST /schedules/{id}/pause': 'operator',
  'POST /schedules/{id}/resume': 'operator',
  'POST /schedules/{id}/trigger': 'operator',
  'GET /alerts': 'viewer',
  'GET /alerts/{id}': 'viewer',
  'GET /silences': 'viewer',
  'POST /silences': 'operator',
  'DELETE /silences/{id}': 'operator',
  'POST /session': 'open',
  'GET /session': 'viewer',
  'DELETE /session': 'viewer',
  'GET /users': 'admin',
  'POST /users': 'admin',
  'GET /users/{user_id}': 'admin',
  'PATCH /users/{user_id}': 'admin',
  'GET /keys': 'admin',
  'POST /keys': 'admin',
  'GET /keys/{key_id}': 'admin',
  'POST /keys/{key_id}/rotate': 'admin',
  'DELETE /keys/{key_id}': 'admin',
  'GET /rules': 'viewer',
  'GET /rules/{rule_id}': 'viewer',
  'GET /rules/{rule_id}/diff': 'viewer',
  'POST /rules/{rule_id}/versions': 'analyst',
  'GET /rules/{rule_id}/versions/{version}': 'viewer',
  'PUT /rules/{rule_id}/versions/{version}': 'analyst',
  'PUT /rules/{rule_id}/versions/{version}/state': 'operator',
  'GET /backtests': 'viewer',
  'POST /backtests': 'analyst',
  'GET /backtests/{id}': 'viewer',
  'GET /metrics/daily': 'viewer',
  'GET /metrics/summary': 'viewer',
  'GET /items/popular': 'viewer',
  'GET /funnel': 'viewer',
  'GET /pipeline-runs': 'viewer',
  'GET /quarantine': 'viewer',
  'PUT /quarantine/{id}/decision': 'operator',
  'GET /reconciliations': 'viewer',
  'GET /reconciliations/{day}/differences': 'viewer',
  'POST /events': 'collector',
  'GET /audit': 'admin',
  'GET /audit/export': 'admin',
  'GET /audit/verification': 'admin',
}

const KEYS = {
  collector: 'collector-abcdefghijklmnopqrstuvwxyz012',
  viewer: 'viewer-abcdefghijklmnopqrstuvwxyz012345',
  analyst: 'analyst-abcdefghijklmnopqrstuvwxyz01234',
  operator: 'operator-abcdefghijklmnopqrstuvwxyz0123',
  admin: 'admin-abcdefghijklmnopqrstuvwxyz0123456',
  revoked: 'revoked-abcdefghijklmnopqrstuvwxyz01234',
  expired: 'expired-abcdefghijklmnopqrstuvwxyz01234',
} as const

const routeOf = ({ method, path }: Operation): string => `${method.toUpperCase()} ${path}`

describe('who may call what', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: ServedApi
  before(async () => {
    database = await createMigratedDatabase('access matrix')
    const by = { actor: 'test', actorName: 'test', requestId: 'test' }
    for (const [name, key] of Object.entries(KEYS)) {
      const digest = digestOf(key)
      const role: Role = ROLES.find((one) => one === name) ?? 'admin'
      const expiresTs = name === 'expired' ? new Date(Date.now() - 1_000) : null
      await createApiKey(
        database.db,
        { keyId: keyIdOf(digest), name, role, digest, requestsPerMinute: null, expiresTs, userId: null },
        () => undefined,
        by,
      )
    }
    await revokeApiKey(database.db, keyIdOf(digestOf(KEYS.revoked)), by)
    api = await serveRealApi(database.db)
  })
  after(async () => {
    await api.stop()
    await database.drop()
  })

  it('is written down for every route, and for no other', () => {
    const inCode = Object.values<Operation>(operations).map((operation) => [routeOf(operation), operation.access])
    assert.deepEqual(Object.fromEntries(inCode), WHO_MAY)
  })

  const callers: readonly (readonly [string, Record<string, string>, Role | undefined])[] = [
    ['nobody', {}, undefined],
    ['a wrong key', withKey('wrong-abcdefghijklmnopqrstuvwxyz0123456'), undefined],
    ['what is no key', withKey('x'), undefined],
    ['another scheme', { authorization: 'Basic YTpi' }, undefined],
    ['a revoked key', withKey(KEYS.revoked), undefined],
    ['an expired key', withKey(KEYS.expired), undefined],
    ['a made-up cookie', { cookie: `__Host-guardian=${KEYS.admin}` }, undefined],
    ...ROLES.map((role) => [role, withKey(KEYS[role]), role] as const),
  ]
  for (const [caller, headers, role] of callers)
    it(`holds for ${caller}, on every route`, async () => {
      for (const operation of Object.values<Operation>(operations)) {
        const route = routeOf(operation)
        const needed = WHO_MAY[route]
        assert.ok(needed, route)
        const path = operation.path.replace(/\{\w+\}/g, 'x')
        const response = await fetch(`${api.url}${path}`, { method: operation.method.toUpperCase(), headers })
        const { status } = response
        await response.arrayBuffer()
        const what = `${caller}: ${route} gave ${status}`
        if (needed === 'open') assert.ok(status < 500 && status !== 401 && status !== 403, what)
        else if (role === undefined) assert.equal(status, 401, what)
        else if (mayDo(role, needed)) assert.ok(status < 500 && status !== 401 && status !== 403, what)
        else assert.equal(status, 403, what)
      }
    })
})
