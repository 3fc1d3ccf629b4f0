import assert from 'node:assert/strict'
import { pino } from 'pino'
import { TOPICS } from '../../../domain/events.js'
import { createEncoder } from '../../../platform/avro/codec.js'
import { createKafka } from '../../../platform/kafka/client.js'
import { startProducer, type Producer } from '../../../platform/kafka/producer.js'
import type { Part } from '../../../platform/lifecycle.js'
import { AVRO_SCHEMAS } from '../../../schemas/avro-schemas.js'
import type { SessionEvents, SessionSummary } from '../../../schemas/rest/sessions.js'
import { anomalyIdOf } from '../../../schemas/rest/anomaly-id.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { sendJson } from '../../support/send-json.js'
import { asAdmin, withKey } from '../../support/api-keys.js'
import { waitUntil } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { readTopics } from '../../support/dump-topic.js'
import { EventSource } from '../../support/event-source.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { useTestStack } from '../../support/stack.js'
import { openTestPool } from '../../support/test-pool.js'
import { startStageApi, type StageApi } from '../../support/stage-api.js'

interface Shown {
  readonly session_id: string
  readonly as_of_offset: number
}

describe('what the API shows of the log', function () {
  this.timeout(120_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let one: StageApi
  let other: StageApi
  let producer: Part<Producer>
  let encode: (value: object) => Buffer
  before(async () => {
    stage = await DetectionStage.open(servers())
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const schemaId = schemas.find(({ subject }) => subject === `${TOPICS.anomalies}-value`)?.id ?? 0
    encode = createEncoder(AVRO_SCHEMAS[TOPICS.anomalies] ?? '', schemaId)
    await stage.ask(['simulate', '--day', '2026-01-17', '--events', '500', '--duration', '60s'])
    const log = pino({ level: 'silent' })
    const kafka = createKafka({ brokers: stage.brokers, clientId: 'test', requestTimeoutMs: 10_000 }, log)
    ;[one, other, producer] = await Promise.all([
      startStageApi(stage, { API_STREAM_HEARTBEAT_MS: '200', API_STREAM_CLIENTS: '3' }),
      startStageApi(stage),
      startProducer(kafka, {}, log),
    ])
  })
  after(async () => {
    await producer.stop()
    await Promise.all([one.stop(), other.stop()])
    await stage.close()
  })

  const get = (path: string, headers = asAdmin) => fetch(`${one.url}${path}`, { headers })
  const keyFor = async (role: string) => {
    const made = await fetch(`${one.url}/keys`, {
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json' },
      body: JSON.stringify({ name: role, role }),
    })
    return readAnswer<{ key: string; key_id: string }>('createKey', made)
  }

  it('a session has all its events, and viewers do not see whose they are', async () => {
    const records = await readTopics(stage.brokers, [TOPICS.clicks])
    const keys = records.map(({ key }) => Buffer.from(key ?? '', 'base64').toString())
    const session = keys[0] ?? ''
    const path = `/sessions/${encodeURIComponent(session)}`
    const summary = await readAnswer<SessionSummary>('getSessionSummary', await get(path))
    assert.deepEqual(summary.rules.map(({ rule_id }) => rule_id).sort(), ['BOT_LIKE', 'HIGH_FREQUENCY'])
    const events = await readAnswer<SessionEvents>('listSessionEvents', await get(`${path}/events?limit=1000`))
    assert.equal(events.data.length, keys.filter((key) => key === session).length)
    assert.equal(summary.clicks, new Set(events.data.map(({ event }) => event?.['event_id'])).size)
    assert.ok(events.data.every(({ event }) => event?.['session_id'] === session && event['ip'] !== null))
    const viewer = withKey((await keyFor('viewer')).key)
    const masked = await readAnswer<SessionEvents>('listSessionEvents', await get(`${path}/events`, viewer))
    assert.ok(masked.data.every(({ event }) => event?.['ip'] === null && event['page'] !== null))
    assert.equal((await readProblem(await get('/sessions/nobody'))).code, 'SESSION_NOT_FOUND')
  })

  let published = 0
  const publish = async (changes: number) => {
    const of = (n: number) => ({
      ...{ session_id: `s${n % 17}`, user_id: null, rule_id: 'HIGH_FREQUENCY', rule_version: 1, mode: 'active' },
      ...{ window_start: 1_790_000_000_000, window_end: 1_790_000_010_000, event_count: 50, distinct_items: 2 },
      ...{ status: 'open', topic: TOPICS.clicks, kafka_partition: 0, first_offset: 0, last_offset: n, as_of_offset: n },
    })
    const first = published
    published += changes
    await producer.value.send(
      Array.from({ length: changes }, (_, i) => of(first + i)).map((change) => ({
        topic: TOPICS.anomalies,
        key: change.session_id,
        value: encode(change),
      })),
    )
  }
  const open = (api: StageApi, headers: Record<string, string> = asAdmin, query = '') =>
    EventSource.open(`${api.url}/anomalies/stream${query}`, headers)
  const received = (stream: EventSource, count: number) =>
    waitUntil(
      () => `${stream.dataOf('anomaly').length} of ${count} changes`,
      30_000,
      () => Promise.resolve(stream.dataOf('anomaly').length >= count),
    )

  it('the stream gives every change once and in order, over a cut, another process and a restart', async () => {
    const shown: Shown[] = []
    let stream = await open(one)
    await publish(100)
    await received(stream, 100)
    for (const next of [
      () => Promise.resolve(one),
      () => Promise.resolve(other),
      async () => {
        await other.stop()
        other = await startStageApi(stage)
        return other
      },
    ]) {
      shown.push(...stream.dataOf<Shown>('anomaly'))
      stream.close()
      await publish(60)
      stream = await open(await next(), { ...asAdmin, 'last-event-id': stream.lastEventId ?? '' })
      await publish(40)
      await received(stream, 100)
    }
    shown.push(...stream.dataOf<Shown>('anomaly'))
    assert.deepEqual(
      shown.map(({ as_of_offset }) => as_of_offset).sort((a, b) => a - b),
      Array.from({ length: published }, (_, n) => n),
    )
    const last = new Map<string, number>()
    for (const { session_id, as_of_offset } of shown) {
      assert.ok(as_of_offset > (last.get(session_id) ?? -1), `${session_id} went back`)
      last.set(session_id, as_of_offset)
    }
    stream.close()
  })

  it('the stream tells of verdicts and the allowlist, over a cut and at another process', async () => {
    const row = anomalyRow({ sessionId: 'judged', windowStart: new Date(Date.now() - 60_000), windowEnd: new Date() })
    const pool = await openTestPool(stage.env['DATABASE_URL'] ?? '')
    await insertAnomalies(pool.value, [row]).finally(pool.stop)
    const id = anomalyIdOf(row)
    const change = (method: string, path: string, headers: Record<string, string>, body: object) =>
      sendJson(`${other.url}${path}`, method, { ...asAdmin, ...headers }, body)
    const judge = async (verdict: string) => {
      const etag = (await get(`/anomalies/${id}/verdict`)).headers.get('etag') ?? ''
      const answer = await change(
        'PUT',
        `/anomalies/${id}/verdict`,
        { 'if-match': etag },
        { verdict, comment: 'a test' },
      )
      assert.equal(answer.status, 200)
    }
    let stream = await open(one)
    await judge('false_positive')
    const seen = (count: number) =>
      waitUntil(
        () => `${stream.events.length} events`,
        10_000,
        () => Promise.resolve(stream.dataOf('verdict').length + stream.dataOf('allowlist').length >= count),
      )
    await seen(1)
    const [first] = stream.dataOf<Record<string, unknown>>('verdict')
    assert.deepEqual([first?.['id'], first?.['verdict'], first?.['session_id']], [id, 'false_positive', 'judged'])
    stream.close()
    await judge('true_positive')
    const entry = { kind: 'session', value: 'judged', reason: 'a test', starts_ts: new Date(Date.now() - 30_000) }
    const expires_ts = new Date(Date.now() + 3_600_000)
    const added = await change('POST', '/allowlist', {}, { ...entry, expires_ts })
    stream = await open(other, { ...asAdmin, 'last-event-id': stream.lastEventId ?? '' })
    await fetch(`${other.url}${added.headers.get('location') ?? ''}`, { method: 'DELETE', headers: asAdmin })
    await seen(3)
    assert.deepEqual(
      stream.dataOf<Record<string, unknown>>('verdict').map(({ verdict, version }) => [verdict, version]),
      [['true_positive', 2]],
    )
    assert.deepEqual(
      stream.dataOf<Record<string, unknown>>('allowlist').map((said) => [said['change'], said['kind'], said['covers']]),
      [
        ['added', 'session', [id]],
        ['ended', 'session', []],
      ],
    )
    assert.ok(!JSON.stringify(stream.dataOf('allowlist')).includes('judged'), 'viewers may not see whom it names')
    stream.close()
  })

  it('the stream ends when its key is revoked, beats meanwhile, and has no more clients than it may', async () => {
    const { key, key_id } = await keyFor('viewer')
    const stream = await open(one, withKey(key))
    const others = [await open(one), await open(one)]
    await assert.rejects(open(one), /503.*OVERLOADED/)
    assert.equal((await get('/anomalies')).status, 200, 'others have places of their own')
    await waitUntil(
      () => 'a heartbeat',
      5_000,
      () => Promise.resolve(stream.heartbeats > 0),
    )
    await fetch(`${one.url}/keys/${key_id}`, { method: 'DELETE', headers: asAdmin })
    await stream.ended
    assert.deepEqual(stream.dataOf('end'), [{ reason: 'access' }])
    others.forEach((client) => client.close())
    await assert.rejects(open(one, { ...asAdmin, 'last-event-id': '9.9.9.9.9' }), /410.*STREAM_POSITION_GONE/)
    const metrics = await one.metrics()
    assert.match(metrics, /guardian_stream_ended_total\{reason="access",process="api"\} 1/)
  })
})
