import { NO_BOUNDS } from '../../support/figure-inputs.js'
import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Connection } from '@temporalio/client'
import { apiConfig } from '../../../api/api-config.js'
import { wireBackTests } from '../../../api/wire-back-tests.js'
import { createBreakers } from '../../../api/wire-dependencies.js'
import { wireJobs } from '../../../api/wire-jobs.js'
import { lazyTemporal, wireTemporal } from '../../../api/wire-temporal.js'
import { createSilence, endSilence, listSilences } from '../../../db/stores/alert-silences.js'
import { storeQuarantined } from '../../../db/stores/quarantine.js'
import { quarantineIdOf, type UnfitRecord } from '../../../domain/kpi/quarantine.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import { Registry } from '../../../platform/metrics.js'
import { temporalConnection } from '../../../platform/temporal-connection.js'
import { anomalyIdOf } from '../../../schemas/rest/anomaly-id.js'
import type { Operation } from '../../../schemas/rest/operation.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { ADMIN_KEY, asAdmin } from '../../support/api-keys.js'
import { sendJson } from '../../support/send-json.js'
import { operations, type ServedApi } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

/** Changes that other tests hold to their records, or that are no changes of ours. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'POST /events': 'events are in Kafka, and leave no record',
  'POST /schedules/{id}/pause': 'orchestrator/dlq-replay',
  'POST /schedules/{id}/resume': 'orchestrator/dlq-replay',
  'POST /schedules/{id}/trigger': 'orchestrator/dlq-replay',
}

/** What the routes change. */
const TABLES = ['anomaly_verdicts', 'allowlist_entries', 'alert_silences', 'api_users', 'api_keys', 'api_sessions', 'rules', 'back_tests', 'kpi_quarantine'] // prettier-ignore

const DRAFT = { kind: 'HIGH_FREQUENCY', parameters: { windowMs: 10_000, slideMs: 10_000, minEvents: 20 } }
const VERSION = '/rules/HIGH_FREQUENCY/versions/2'
const DAY = '2026-01-01'
const UNFIT: UnfitRecord = {
  ...{ dataset: 'purchases', partition: 0, offset: 7, eventMs: Date.parse(`${DAY}T10:00:00Z`), sessionId: 's' },
  ...{
    eventId: 'e',
    source: 'shop',
    reason: 'REVENUE_OVERFLOW',
    field: null,
    fields: { currency: 'EUR' },
    amount: '1',
  },
}
const NOBODY = '127.0.0.1:1'

describe('a route that changes something', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let temporal: Connection
  let api: ServedApi
  let browser: Record<string, string>
  before(async () => {
    database = await createMigratedDatabase('audited changes')
    const { db } = database
    await insertAnomalies(db, [anomalyRow()])
    await storeQuarantined(db, parseUtcDay(DAY), NO_BOUNDS, [UNFIT])
    const config = apiConfig({
      ...{ DATABASE_URL: 'postgres://not-used', KAFKA_BROKERS: NOBODY, SCHEMA_REGISTRY_URL: `http://${NOBODY}` },
      ...{ TEMPORAL_ADDRESS: NOBODY, GUARDIAN_ADMIN_KEY: ADMIN_KEY, API_QUERY_TIMEOUT_MS: '300' },
    })
    temporal = lazyTemporal(temporalConnection(config)).value
    const { temporal: breaker } = createBreakers(config, new Registry(), pino({ level: 'silent' }))
    const parts = { db, temporal: wireTemporal(config, temporal, undefined), breaker }
    api = await serveRealApi(db, {}, {
      ...wireJobs(config, parts),
      backTests: wireBackTests(config, parts),
      silences: {
        list: (page) => listSilences(db, page),
        create: (silence, by) => createSilence(db, silence, by),
        end: (id, now, by) => endSilence(db, id, now, by),
      },
    }) // prettier-ignore
    const logIn = await call('POST', '/session', { key: ADMIN_KEY }, {})
    const { csrf_token: token } = (await logIn.clone().json()) as { csrf_token: string }
    browser = { cookie: (logIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '', 'x-csrf-token': token }
  })
  after(async () => {
    await api.stop()
    await temporal.close()
    await database.drop()
  })

  const call = (method: string, path: string, body?: object, headers: Record<string, string> = asAdmin) =>
    sendJson(`${api.url}${path}`, method, headers, body)
  const matching = async (method: string, path: string, body: object, of = path) =>
    call(method, path, body, { ...asAdmin, 'if-match': (await call('GET', of)).headers.get('etag') ?? '' })
  /** The first of a list that a test of its own picks. */
  const one = async (list: string, name: string, pick: (row: Record<string, unknown>) => boolean = () => true) => {
    const { data } = (await (await call('GET', list)).json()) as { data: Record<string, unknown>[] }
    return String(data.find(pick)?.[name])
  }
  const viewerKey = () => one('/keys', 'key_id', ({ role, expires_ts: end }) => role === 'viewer' && end === null)
  const soon = () => new Date(Date.now() + 3_600_000).toISOString()

  /** In this order; what one makes, the next ones change. */
  const CHANGES: readonly (readonly [route: string, action: string, make: () => Promise<Response>])[] = [
    ['PUT /anomalies/{id}/verdict', 'anomaly.verdict', () =>
      matching('PUT', `/anomalies/${anomalyIdOf(anomalyRow())}/verdict`, { verdict: 'false_positive', comment: 'c' })],
    ['POST /allowlist', 'allowlist.add', () =>
      call('POST', '/allowlist', { kind: 'session', value: 's', reason: 'r', expires_ts: soon() })],
    ['DELETE /allowlist/{id}', 'allowlist.end', async () => call('DELETE', `/allowlist/${await one('/allowlist', 'id')}`)],
    ['POST /silences', 'silence.create', () => call('POST', '/silences', { matcher: '*', reason: 'r', ends_ts: soon() })],
    ['DELETE /silences/{id}', 'silence.end', async () => call('DELETE', `/silences/${await one('/silences', 'id')}`)],
    ['POST /users', 'user.create', () => call('POST', '/users', { kind: 'person', name: 'n', role: 'viewer' })],
    ['PATCH /users/{user_id}', 'user.change', async () =>
      matching('PATCH', `/users/${await one('/users?role=viewer', 'user_id')}`, { name: 'another' })],
    ['POST /keys', 'key.create', () => call('POST', '/keys', { name: 'k', role: 'viewer' })],
    ['POST /keys/{key_id}/rotate', 'key.rotate', async () => call('POST', `/keys/${await viewerKey()}/rotate`, {})],
    ['DELETE /keys/{key_id}', 'key.revoke', async () => call('DELETE', `/keys/${await viewerKey()}`)],
    ['POST /session', 'session.create', () => call('POST', '/session', { key: ADMIN_KEY }, {})],
    ['DELETE /session', 'session.end', () => call('DELETE', '/session', undefined, browser)],
    ['POST /rules/{rule_id}/versions', 'rule.draft', () => call('POST', '/rules/HIGH_FREQUENCY/versions', DRAFT)],
    ['PUT /rules/{rule_id}/versions/{version}', 'rule.edit', () =>
      matching('PUT', VERSION, { parameters: { ...DRAFT.parameters, minEvents: 30 } })],
    ['PUT /rules/{rule_id}/versions/{version}/state', 'rule.shadow', () =>
      matching('PUT', `${VERSION}/state`, { state: 'shadow' }, VERSION)],
    ['PUT /quarantine/{id}/decision', 'quarantine.drop', () =>
      call('PUT', `/quarantine/${quarantineIdOf(UNFIT)}/decision`, { decision: 'drop' })],
    ['POST /backtests', 'back-test.start', () =>
      call('POST', '/backtests', { rule_id: 'BOT_LIKE', version: 1, from: DAY, to: DAY })],
    ['POST /backfills', 'backfill.start', () => call('POST', '/backfills', { from: DAY, to: DAY })],
    ['POST /metrics/daily/{day}/runs', 'daily_kpi.start', () => call('POST', `/metrics/daily/${DAY}/runs`)],
    ['POST /dlq/replays', 'dlq.replay', () => call('POST', '/dlq/replays', {})],
  ] // prettier-ignore

  it('is in this test, or it is said where', () => {
    const inCode = Object.values<Operation>(operations)
      .filter(({ method }) => method !== 'get')
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    assert.deepEqual(inCode.sort(), [...CHANGES.map(([route]) => route), ...Object.keys(ELSEWHERE)].sort())
  })

  const stored = async () => {
    const texts = TABLES.map(
      (table) =>
        `(SELECT string_agg((to_jsonb(t) - 'last_used_ts')::text, ' ' ORDER BY (to_jsonb(t) - 'last_used_ts')::text) FROM ${table} t)`,
    )
    return (await database.db.query<{ text: string }>(`SELECT concat_ws('|', ${texts.join(', ')}) AS text`)).rows[0]
      ?.text
  }
  const records = async (action: string) =>
    (await database.db.query(`SELECT FROM audit_log WHERE action = $1 AND outcome = 'done'`, [action])).rows.length

  for (const [route, action, make] of CHANGES)
    it(`${route} leaves the record ${action}, and changes nothing without it`, async () => {
      const [before, count] = [await stored(), await records(action)]
      await database.db.query(`ALTER TABLE audit_log ADD CONSTRAINT no_more CHECK (action <> '${action}') NOT VALID`)
      const refused = await make()
      await database.db.query('ALTER TABLE audit_log DROP CONSTRAINT no_more')
      assert.deepEqual([refused.status, await stored()], [500, before])
      const { status } = await make()
      // Temporal is away: what it is asked for is recorded before it is asked.
      assert.ok(status < 300 || status === 503, `${status}`)
      assert.equal(await records(action), count + 1)
    })
})
