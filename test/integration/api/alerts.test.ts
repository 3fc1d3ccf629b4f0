import assert from 'node:assert/strict'
import type { Observation } from '../../../domain/alerting/observation.js'
import { listSilences } from '../../../db/stores/alert-silences.js'
import {
  claimDelivery,
  markNotSent,
  markSent,
  reportChannels,
  reportCircuit,
} from '../../../db/stores/alert-deliveries.js'
import { recordLook } from '../../../db/stores/alert-looks.js'
import { listAlerts, readAlert, readChannels } from '../../../db/read-models/alerts.js'
import { createSilence, endSilence } from '../../../db/stores/alert-silences.js'
import type { AlertDetails, AlertList, Silence } from '../../../schemas/rest/alerts.js'
import type { Health } from '../../../schemas/rest/health.js'
import { readAnswer, readProblem, serveApi, type ServedApi } from '../../support/serve-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const MINUTE = 60_000
const START = Date.now()
const KEPT_DAYS = 90
const FINGERPRINT = 'dead-letters:km.clicks.v1:DECODE'
const seen: Observation = {
  ...{ source: 'dead-letters', fingerprint: FINGERPRINT, cause: 'Dead letters DECODE', severity: 'warning' },
  ...{ count: 12, figures: { 'dead letters': 12 }, links: [] },
  ...{ summary: '12 records could not be decoded.', sample: 'offset 4: no schema.', firstStep: 'Ask the producer.' },
}

describe('alerts and silences over the API', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: ServedApi
  const look = (lookId: string, minutes: number, observations: readonly Observation[] = [seen]) =>
    recordLook(database.db, {
      ...{ lookId, at: new Date(START + minutes * MINUTE), observations, sources: ['dead-letters'] },
      ...{ policy: { windowMs: 30 * MINUTE, recoverAfterMs: 10 * MINUTE }, channels: ['slack', 'email'] },
      keptMs: KEPT_DAYS * 24 * 60 * MINUTE,
    })
  const post = (path: string, body: object) =>
    fetch(`${api.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  before(async () => {
    database = await createMigratedDatabase('alerts api')
    const { db } = database
    api = await serveApi({
      alerts: { list: (filter) => listAlerts(db, filter), get: (id) => readAlert(db, id) },
      silences: {
        list: (page) => listSilences(db, page),
        create: (silence, by) => createSilence(db, silence, by),
        end: (id, now, by) => endSilence(db, id, now, by),
      },
      readChannels: () => readChannels(db),
    })
  })
  after(async () => {
    await api.stop()
    await database.drop()
  })

  it('a look that is recorded twice, also at once, decides once', async () => {
    const [first, second] = await Promise.all([look('l1', 0), look('l1', 0)])
    assert.deepEqual([first, first.sent.length], [second, 1])
    assert.deepEqual(await look('l1', 0), first)
    assert.equal((await look('l2', 1)).suppressed, 1)
    assert.equal((await look('l3', 12, [])).sent.length, 1)
    const { data } = await readAnswer<AlertList>('listAlerts', await fetch(`${api.url}/alerts`))
    assert.deepEqual(
      data.map(({ kind, outcome, suppressed_by: by }) => [kind, outcome, by]),
      [
        ['recovered', 'sent', null],
        ['firing', 'suppressed', 'window'],
        ['firing', 'sent', null],
      ],
    )
    assert.equal(data[1]?.suppressed_by_id, data[2]?.id)
  })

  it('a delivery is sent by one at a time; an attempt that was overtaken changes nothing', async () => {
    const { db } = database
    const [alert] = (await listAlerts(db, { outcome: 'sent', limit: 5 })).slice(-1)
    const id = { alertId: alert?.alertId ?? '', channel: 'slack' } as const
    assert.equal((await claimDelivery(db, id, 'first', 2_000)).kind, 'claimed')
    assert.equal((await claimDelivery(db, id, 'second', 2_000)).kind, 'held')
    await new Promise((resolve) => setTimeout(resolve, 2_050))
    assert.deepEqual(await claimDelivery(db, id, 'second', 30_000), { kind: 'claimed', attempt: 2, isRepeat: true })
    const failed = { fault: 'SLACK_500', mayHaveArrived: false, isFinal: true }
    assert.equal(await markNotSent(db, id, 'first', failed), false)
    await markSent(db, id)
    assert.equal(await markNotSent(db, id, 'second', failed), false)
    assert.deepEqual(await claimDelivery(db, id, 'third', 30), { kind: 'ended', state: 'sent' })
    const answer = await fetch(`${api.url}/alerts/${id.alertId}`)
    const { deliveries } = await readAnswer<AlertDetails>('getAlert', answer)
    assert.deepEqual(
      deliveries.map(({ channel, state, attempts, unknown_attempts: unknown }) => [channel, state, attempts, unknown]),
      [
        ['email', 'pending', 0, 0],
        ['slack', 'sent', 2, 1],
      ],
    )
    assert.equal((await readProblem(await fetch(`${api.url}/alerts/${'0'.repeat(24)}`))).code, 'ALERT_NOT_FOUND')
  })

  it('pages and filters', async () => {
    const first = await readAnswer<AlertList>('listAlerts', await fetch(`${api.url}/alerts?limit=2`))
    const rest = await fetch(`${api.url}/alerts?limit=2&cursor=${first.page.next_cursor ?? ''}`)
    const second = await readAnswer<AlertList>('listAlerts', rest)
    assert.deepEqual([first.data.length, second.data.length, second.page.next_cursor], [2, 1, null])
    const suppressed = await fetch(`${api.url}/alerts?outcome=suppressed&fingerprint=${FINGERPRINT}&severity=warning`)
    assert.equal((await readAnswer<AlertList>('listAlerts', suppressed)).data.length, 1)
  })

  it('a silence swallows until it ends, lists what it swallowed, and is in the audit log', async () => {
    const ends = new Date(Date.now() + 30 * MINUTE).toISOString()
    const body = { matcher: 'dead-letters:*', reason: 'the importer is being mended', ends_ts: ends }
    const silence = await readAnswer<Silence>('createSilence', await post('/silences', body))
    assert.deepEqual([silence.kind, silence.up_to, silence.ends_ts], ['silence', 'warning', ends])
    const other = { ...seen, fingerprint: 'dead-letters:km.purchases.v1:INVALID' }
    assert.equal((await look('l4', 5, [other])).suppressed, 1)
    const swallowed = await fetch(`${api.url}/alerts?suppressed_by_id=${silence.id}`)
    assert.equal((await readAnswer<AlertList>('listAlerts', swallowed)).data[0]?.suppressed_by, 'silence')
    const ended = await fetch(`${api.url}/silences/${silence.id}`, { method: 'DELETE' })
    assert.ok((await readAnswer<Silence>('endSilence', ended)).ends_ts < ends)
    const { data } = await readAnswer<{ data: unknown[] }>('listSilences', await fetch(`${api.url}/silences`))
    assert.deepEqual(data, [])
    const { rows } = await database.db.query<{ action: string }>('SELECT a.action FROM audit_log a ORDER BY a.seq')
    assert.deepEqual(
      rows.map(({ action }) => action),
      ['silence.create', 'silence.end'],
    )
  })

  it('refuses a silence that is too long, over, or says no reason', async () => {
    const at = (minutes: number) => new Date(Date.now() + minutes * MINUTE).toISOString()
    for (const more of [{ ends_ts: at(61) }, { ends_ts: at(-1) }, { reason: '  ' }, { matcher: 'a*b' }]) {
      const problem = await readProblem(await post('/silences', { matcher: '*', reason: 'x', ends_ts: at(5), ...more }))
      assert.equal(problem.code, 'BAD_REQUEST', JSON.stringify(more))
    }
  })

  it('/health says which channels are off', async () => {
    const channels = [
      { channel: 'slack', isConfigured: true },
      { channel: 'email', isConfigured: false },
    ] as const
    await reportChannels(database.db, channels, new Date())
    await reportCircuit(database.db, 'slack', 'open', new Date())
    const { alert_channels: said } = await readAnswer<Health>('getHealth', await fetch(`${api.url}/health`))
    assert.deepEqual(
      said.map(({ channel, status, circuit }) => [channel, status, circuit]),
      [
        ['email', 'off', null],
        ['slack', 'on', 'open'],
      ],
    )
  })

  it('are kept for a number of days; a look forgets what is older', async () => {
    const oldest = async () => {
      const { rows } = await database.db.query<{ alerts: number; looks: number; first: Date }>(
        `SELECT count(*) AS alerts, (SELECT count(*) FROM alert_looks) AS looks, min(h.decided_ts) AS first FROM alert_history h`,
      )
      return rows[0]
    }
    const before = await oldest()
    assert.ok(before && before.alerts > 1 && before.looks > 1)
    const minutes = KEPT_DAYS * 24 * 60 + (before.first.getTime() - START) / MINUTE
    await look('in time', minutes)
    assert.equal((await oldest())?.first.getTime(), before.first.getTime())
    await look('much later', minutes + 30 * 24 * 60)
    const after = await oldest()
    assert.deepEqual([after?.looks, after?.first.getTime()], [2, START + minutes * MINUTE])
  })
})
