import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { TOPICS } from '../../../domain/events.js'
import { packageRoot } from '../../../platform/package-root.js'
import type { EventResults } from '../../../schemas/rest/events.js'
import type { CreatedKey } from '../../../schemas/rest/keys.js'
import type { z } from 'zod'
import { asAdmin, withKey } from '../../support/api-keys.js'
import { waitUntil } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { readTopics } from '../../support/dump-topic.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { useTestStack } from '../../support/stack.js'
import { startStageApi, type StageApi } from '../../support/stage-api.js'

/** When these tests begin: the file is loaded minutes before. */
let NOW = 0
const SHOP = 'https://shop.example'
const click = (more: object = {}) => ({
  type: 'click',
  session_id: 's1',
  event_type: 'page_view',
  page: '/',
  ...more,
})
const purchase = {
  type: 'purchase',
  event_id: 'p1',
  get event_ts() {
    return NOW
  },
  session_id: 's1',
  order_id: 'o1',
  item_id: 'i1',
  quantity: 2,
  unit_price: 1_999,
  currency: 'EUR',
}

interface BrowserGuardian {
  readonly click: (click: object) => void
  readonly flush: () => Promise<void>
  readonly close: () => void
  readonly waiting: number
  readonly dropped: number
}

describe('the collector', function () {
  this.timeout(60_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let api: StageApi
  let key: string
  before(async () => {
    stage = await DetectionStage.open(servers())
    NOW = Date.now()
    api = await startStageApi(stage, { API_COLLECTOR_ORIGINS: SHOP, API_COLLECTOR_NOTES_CLIENT: 'yes' })
    const made = await fetch(`${api.url}/keys`, {
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'shop', role: 'collector' }),
    })
    key = (await readAnswer<z.output<typeof CreatedKey>>('createKey', made)).key
  })
  after(async () => {
    await api.stop()
    await stage.close()
  })

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${api.url}/events`, {
      method: 'POST',
      headers: { ...withKey(key), 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const inTopics = () => readTopics(stage.brokers, [TOPICS.clicks, TOPICS.purchases])

  it('takes what is fit, rejects the rest one by one, and what it has taken is in Kafka', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const response = await post([click({ event_id: 'c1', event_ts: NOW }), click({ session_id: '' }), purchase], {
      traceparent,
    })
    assert.equal(response.status, 207)
    const answer = await readAnswer<EventResults>('collectEvents', response)
    assert.deepEqual([answer.accepted, answer.rejected], [2, 1])
    assert.deepEqual(answer.results[0], { index: 0, status: 'accepted', event_id: 'c1' })
    assert.deepEqual(answer.results[1], {
      index: 1,
      status: 'rejected',
      code: 'INVALID',
      detail: 'session_id: must not be empty',
      errors: [{ path: 'session_id', message: 'must not be empty' }],
    })
    const records = await inTopics()
    assert.deepEqual(
      records.map(({ topic, key: session }) => [topic, Buffer.from(session ?? '', 'base64').toString()]),
      [
        [TOPICS.clicks, 's1'],
        [TOPICS.purchases, 's1'],
      ],
    )
    for (const { headers } of records) assert.deepEqual(headers, {}, 'nothing is traced unless it is configured')
    const seen = new Set(records.map(({ partition }) => partition))
    assert.equal(seen.size, 1, 'a session is on one partition')
    assert.ok(Buffer.from(records[0]?.value ?? '', 'base64').includes('node'), 'the user agent is noted')
  })

  it('calls a request wrong of which nothing can be taken, and sends nothing of it', async () => {
    const before = (await inTopics()).length
    const problem = await readProblem(await post([click({ page: 1 }), {}]))
    assert.equal(problem.code, 'EVENTS_REJECTED')
    assert.deepEqual(
      problem.errors?.map(({ path }) => path),
      ['body.0.page', 'body.1.type'],
    )
    assert.deepEqual(
      (await readProblem(await post(click({ event_type: '' })))).errors?.map(({ path }) => path),
      ['body.event_type'],
    )
    assert.equal((await readProblem(await post([]))).code, 'BAD_REQUEST')
    assert.equal((await readProblem(await post(Array(1_001).fill(click())))).code, 'BAD_REQUEST')
    assert.equal((await inTopics()).length, before)
  })

  it('requires the time of an event that has an id, and says which events are late', async () => {
    const problem = await readProblem(await post([click({ event_id: 'c2' })]))
    assert.deepEqual(
      [problem.status, problem.code, problem.errors?.[0]?.path],
      [400, 'EVENT_TS_REQUIRED', 'body.0.event_ts'],
    )
    assert.match(problem.detail, /event_ts is required when event_id is set/)
    const mixed = await post([click({ event_id: 'c3' }), click(), click({ event_ts: Date.now() - 60_000 })])
    assert.equal(mixed.status, 207)
    const { results } = await readAnswer<EventResults>('collectEvents', mixed)
    assert.deepEqual(
      results.map((one) => (one.status === 'rejected' ? one.code : (one.late ?? false))),
      ['EVENT_TS_REQUIRED', false, true],
    )
  })

  it('lets a key of its role send events, and read or change nothing', async () => {
    assert.equal((await post(click())).status, 200)
    for (const path of ['/anomalies', '/session', '/keys'])
      assert.equal((await fetch(`${api.url}${path}`, { headers: withKey(key) })).status, 403, path)
    const logIn = await fetch(`${api.url}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key }),
    })
    assert.equal((await readProblem(logIn)).code, 'FORBIDDEN')
  })

  it('lets pages of the listed origins call it, preflight first, and no others', async () => {
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
    const preflight = await fetch(`${api.url}/events`, { method: 'OPTIONS', headers: { origin: SHOP, ...asked } })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.get('access-control-allow-origin'), SHOP)
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/)
    const sent = await post(click(), { origin: SHOP })
    assert.deepEqual([sent.status, sent.headers.get('access-control-allow-origin')], [200, SHOP])
    const refusal = await post(click(), { origin: SHOP, authorization: 'Bearer x' })
    assert.deepEqual([refusal.status, refusal.headers.get('access-control-allow-origin')], [401, SHOP])
    for (const origin of ['https://evil.example', 'null', 'http://shop.example', `${SHOP}.evil.example`]) {
      const other = await post(click(), { origin })
      assert.equal((await readProblem(other)).code, 'ORIGIN_NOT_ALLOWED', origin)
      assert.equal(other.headers.get('access-control-allow-origin'), null)
      const before = await fetch(`${api.url}/events`, { method: 'OPTIONS', headers: { origin, ...asked } })
      assert.equal(before.status, 403)
    }
    const elsewhere = await fetch(`${api.url}/stats`, { headers: { ...asAdmin, origin: SHOP } })
    assert.equal(elsewhere.headers.get('access-control-allow-origin'), null)
  })

  it('is used by the script for browsers, which keeps what it cannot send and bounds what it keeps', async () => {
    const script = pathToFileURL(join(packageRoot, 'examples/browser/guardian.js')).href
    const { createGuardian } = (await import(script)) as {
      createGuardian: (options: object) => BrowserGuardian
    }
    const before = (await inTopics()).length
    const page = new EventTarget()
    const rejected: unknown[] = []
    const onRejected = (events: unknown[]) => rejected.push(...events)
    const guardian = createGuardian({ url: api.url, key, sessionId: 'web', page, flushMs: 60_000, onRejected })
    for (let n = 0; n < 30; n += 1) guardian.click({ event_type: n === 7 ? 'hover' : 'page_view' })
    await guardian.flush()
    assert.deepEqual([guardian.waiting, rejected.length], [0, 1])
    guardian.click({ event_type: 'page_view' })
    page.dispatchEvent(new Event('pagehide'))
    await waitUntil(
      () => 'the last click of a page that goes away',
      10_000,
      async () => (await inTopics()).length === before + 30,
    )
    guardian.close()
    const nobody = createGuardian({
      url: 'http://127.0.0.1:1',
      key,
      sessionId: 'web',
      page,
      queueMax: 5,
      flushMs: 60_000,
    })
    for (let n = 0; n < 9; n += 1) nobody.click({ event_type: 'page_view' })
    await nobody.flush()
    assert.deepEqual([nobody.waiting, nobody.dropped], [5, 4])
    nobody.close()
  })

  it('is used by the example for Node', async () => {
    const example = spawn(process.execPath, [join(packageRoot, 'examples/node/send-events.mjs')], {
      env: { ...process.env, GUARDIAN_URL: api.url, GUARDIAN_KEY: key },
    })
    let [said, complained] = ['', '']
    example.stdout.on('data', (text: Buffer) => (said += text.toString()))
    example.stderr.on('data', (text: Buffer) => (complained += text.toString()))
    const lines = [
      click({ session_id: 'node' }),
      click({ event_id: 'bad', event_ts: NOW, page: null }),
      'no json',
      purchase,
    ]
    example.stdin.end(lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
    const [code] = (await once(example, 'close')) as [number]
    assert.deepEqual([code, JSON.parse(said)], [1, { accepted: 2, rejected: 2 }])
    assert.match(complained, /line 3 is not JSON[\s\S]*bad: page: not a text/)
  })

  it('sends what the detector accepts, counts a repetition once, and tells what it has sent', async () => {
    const batch = Array.from({ length: 60 }, (_, n) =>
      click({ event_id: `bot-${n}`, event_ts: NOW, session_id: 'bot' }),
    )
    for (let n = 0; n < 2; n += 1) assert.equal((await post(batch)).status, 200)
    const other = click({ event_id: 'bot-0', event_ts: NOW, session_id: 'bot', page: '/other' })
    const elsewhere = click({ event_id: 'bot-0', event_ts: NOW, session_id: 'nobody' })
    assert.equal((await post([other, elsewhere])).status, 200)
    const records = (await inTopics()).length
    await stage.finish(stage.startDetector(), await stage.logEnds())
    const { totals } = await api.stats()
    assert.deepEqual([totals.dead, totals.late, totals.duplicate], [0, 1, 62])
    const { rows: collisions } = await stage.db.query('SELECT c.topic, c.events FROM event_collisions c')
    assert.deepEqual(collisions, [{ topic: TOPICS.clicks, events: '1' }])
    const [row] = await stage.rows()
    assert.deepEqual([row?.session_id, row?.event_count, row?.rule_id], ['bot', 60, 'HIGH_FREQUENCY'])
    await waitUntil(
      () => 'what the collector has sent is told',
      5_000,
      async () => {
        const { completeness } = await api.stats()
        return completeness.partitions.reduce((sum, { reported }) => sum + (reported ?? 0), 0) === records
      },
    )
  })
})
