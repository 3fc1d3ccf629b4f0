import { request, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { loginOf } from '../../../db/process-roles.js'
import { TOPICS } from '../../../domain/events.js'
import { createEncoder } from '../../../platform/avro/codec.js'
import { RegistryClient } from '../../../platform/avro/registry-client.js'
import { createKafka } from '../../../platform/kafka/client.js'
import { startProducer } from '../../../platform/kafka/producer.js'
import { pino } from 'pino'
import { AVRO_SCHEMAS, subjectOf } from '../../../schemas/avro-schemas.js'
import { asAdmin } from '../../support/api-keys.js'
import { waitUntil } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack } from '../../support/stack.js'
import { openTestPool } from '../../support/test-pool.js'
import { ask, byStatus, OfferedLoad, quantile, statusText, type Asked, type Seen } from '../http/offered-load.js'
import { startProductApi, type ProductApi } from '../http/product-api.js'
import type { Row, RowSettings } from '../row.js'

const AT_WORK = 200
const WAITING = 100
const AT_ONCE = 500
/** What a client of the stream may leave unread in the process, before it is told to go. */
const STREAM_BUFFER_BYTES = 65_536
const CHANGES_PER_ROUND = 500
/** The places and the queue of the third part: small, so that one machine can offer ten times as much. */
const FEW = { API_MAX_AT_WORK: '4', API_MAX_WAITING: '10', PG_POOL_MAX: '6', LOG_LEVEL: 'info' }
/** How long each query of the third part takes in PostgreSQL, so that places and not this machine's CPU are what is short. */
const QUERIES_MS = [400, 40]
const TIMES = 10
/** A good answer may take so many times as long as the places need for what they and the queue hold, and a second. */
const WAITED = 2
const GOODPUT = 0.8
const MOST_GROWTH_MB = 96

const LIST = (url: string): Asked => ({ url: `${url}/anomalies?limit=5`, headers: asAdmin })
const SLOW_LIST = (url: string): Asked => ({ url: `${url}/alerts?limit=5`, headers: asAdmin })
const good = (seen: readonly Seen[]): number => byStatus(seen).get(200) ?? 0
const refusedWell = (seen: readonly Seen[]): boolean =>
  seen.every(({ status, retryAfter }) => status === 200 || (status === 503 && Number(retryAfter) >= 1))

type Found = { readonly figure: string; readonly differences: readonly string[] }

/** More at once than there are places and queue, while nothing can be answered; then all of it can. */
async function tooManyAtOnce(api: ProductApi, databaseUrl: string): Promise<Found> {
  const pool = await openTestPool(databaseUrl, { statementTimeoutMs: 60_000 })
  const lock = await pool.value.checkOut()
  await lock.query('BEGIN')
  await lock.query('LOCK TABLE anomaly_sessions IN ACCESS EXCLUSIVE MODE')
  const asked = Array.from({ length: AT_ONCE }, () => ask(LIST(api.url)))
  await waitUntil(
    () => 'all places are taken',
    10_000,
    async () => {
      const waiting = await api.metric('guardian_http_lane_requests', { lane: 'interactive', state: 'waiting' })
      return waiting >= WAITING
    },
  )
  const { status: livez } = await ask({ url: `${api.url}/livez` })
  await lock.query('ROLLBACK')
  lock.release()
  await pool.stop()
  const seen = await Promise.all(asked)
  const [done, refused] = [good(seen), byStatus(seen).get(503) ?? 0]
  const differences = [
    ...(done + refused === AT_ONCE ? [] : [`at once: ${statusText(seen)}`]),
    ...(refusedWell(seen) ? [] : ['at once: a refusal without Retry-After']),
    ...(refused >= AT_ONCE - AT_WORK - WAITING ? [] : [`at once: only ${refused} were refused`]),
    ...(done >= AT_WORK ? [] : [`at once: only ${done} were answered`]),
    ...(livez === 200 ? [] : [`at once: /livez answers ${livez}`]),
  ]
  return { figure: `${AT_ONCE} at once: ${done} answered, ${refused} told to come back, 0 timed out`, differences }
}

/** Changes of anomalies, as the detector would publish them, until every slow reader has been told to go. */
async function slowReaders(api: ProductApi, stage: DetectionStage, readers: number): Promise<Found> {
  const { publish, stop } = await openFeed(stage)
  const before = await api.residentMegabytes()
  const streams = await Promise.all(Array.from({ length: readers }, () => openUnread(`${api.url}/anomalies/stream`)))
  const differences: string[] = []
  const load = new OfferedLoad(LIST(api.url), 20)
  const ended = () => api.metric('guardian_stream_ended_total', { reason: 'slow' })
  let [rounds, peak] = [0, before]
  for (; (await ended()) < readers && rounds < 60; rounds++) {
    await publish(CHANGES_PER_ROUND)
    peak = Math.max(peak, await api.residentMegabytes())
  }
  const seen = await load.stop()
  const cut = await ended()
  for (const stream of streams) stream.destroy()
  await stop()
  const allowed = (readers * STREAM_BUFFER_BYTES * 2) / 1_048_576 + MOST_GROWTH_MB
  if (cut < readers)
    differences.push(`slow readers: ${cut} of ${readers} were told to go after ${rounds * CHANGES_PER_ROUND} changes`)
  if (peak - before > allowed) differences.push(`slow readers: ${before.toFixed(0)} → ${peak.toFixed(0)} MB`)
  if (good(seen) !== seen.length) differences.push(`beside slow readers: ${statusText(seen)}`)
  return {
    figure: `${cut} of ${readers} slow readers told to go, ${before.toFixed(0)} → at most ${peak.toFixed(0)} MB, others' p99 ${quantile(seen, 0.99).toFixed(0)} ms`,
    differences,
  }
}

async function openFeed(stage: DetectionStage) {
  const log = pino({ level: 'silent' })
  const schemas = new RegistryClient({ url: stage.servers.schemaRegistryUrl, timeoutMs: 10_000 })
  const schema = AVRO_SCHEMAS[TOPICS.anomalies] ?? ''
  const encode = createEncoder(schema, await schemas.register(subjectOf(TOPICS.anomalies), schema))
  const kafka = createKafka({ brokers: stage.brokers, clientId: 'd7', requestTimeoutMs: 10_000 }, log)
  const { value: producer, stop } = await startProducer(kafka, {}, log)
  const value = encode({
    ...{ session_id: 's'.repeat(400), user_id: null, rule_id: 'HIGH_FREQUENCY', rule_version: 1, window_start: 0 },
    ...{ window_end: 10_000, event_count: 50, distinct_items: 1, status: 'open', mode: 'active' },
    ...{ topic: TOPICS.clicks, kafka_partition: 0, first_offset: 0, last_offset: 49, as_of_offset: 49 },
  })
  const publish = (count: number) =>
    producer.send(Array.from({ length: count }, () => ({ topic: TOPICS.anomalies, key: 's', value })))
  return { publish, stop }
}

/** A client that asks and then reads nothing. */
function openUnread(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers: { ...asAdmin, accept: 'text/event-stream' } }, (response) => {
      response.pause()
      response.on('error', () => undefined)
      if (response.statusCode === 200) resolve(response)
      else reject(new Error(`the stream answers ${String(response.statusCode)}`))
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** As much as can be answered, and then ten times of it. */
async function overload(api: ProductApi, queryMs: number, seconds: number): Promise<Found> {
  const closedLoop = async () => {
    const until = performance.now() + seconds * 1_000
    let answered = 0
    const client = async () => {
      while (performance.now() < until) if ((await ask(SLOW_LIST(api.url))).status === 200) answered++
    }
    await Promise.all(Array.from({ length: Number(FEW.API_MAX_AT_WORK) * 4 }, client))
    return answered / seconds
  }
  const peak = await closedLoop()
  const before = await api.residentMegabytes()
  const cpuSeconds = () => api.metric('process_cpu_seconds_total')
  const cpuBefore = await cpuSeconds()
  const load = new OfferedLoad(SLOW_LIST(api.url), peak * TIMES)
  await sleep(seconds * 1_000)
  const offered = load.seen.length
  const seen = await load.stop()
  const after = await api.residentMegabytes()
  // Where a share of a core is not enough for what is offered, it is not the places that are short.
  const cpuMs = ((await cpuSeconds()) - cpuBefore) * 1_000
  const firstAt = Math.min(...seen.map(({ atMs }) => atMs))
  // The first second fills the queue.
  const settled = seen.filter(({ atMs, ms }) => atMs + ms > firstAt + 1_000 && atMs + ms < firstAt + seconds * 1_000)
  const goodput = good(settled) / (seconds - 1)
  const times = seen.length / (peak * seconds)
  const waitedMs = quantile(
    settled.filter(({ status }) => status === 200),
    0.99,
  )
  const refusedMs = quantile(
    settled.filter(({ status }) => status === 503),
    0.5,
  )
  const turnMs = ((Number(FEW.API_MAX_AT_WORK) + Number(FEW.API_MAX_WAITING)) / Number(FEW.API_MAX_AT_WORK)) * queryMs
  const differences = [
    ...(waitedMs <= WAITED * turnMs + 1_000
      ? []
      : [`overload, ${queryMs} ms: good answers took ${waitedMs.toFixed(0)} ms`]),
    ...(goodput >= GOODPUT * peak ? [] : [`overload, ${queryMs} ms: ${goodput.toFixed(0)}/s of ${peak.toFixed(0)}/s`]),
    ...(refusedWell(seen) ? [] : [`overload, ${queryMs} ms: ${statusText(seen)}`]),
    ...(after - before <= MOST_GROWTH_MB
      ? []
      : [`overload, ${queryMs} ms: ${before.toFixed(0)} → ${after.toFixed(0)} MB`]),
    ...(offered > 0 && times >= TIMES / 2
      ? []
      : [`overload, ${queryMs} ms: only ${times.toFixed(1)} times the peak could be offered`]),
  ]
  return {
    figure: `${times.toFixed(1)}× overload of queries of ${queryMs} ms: ${goodput.toFixed(0)} of ${peak.toFixed(0)} good answers/s at ${(cpuMs / seen.length).toFixed(2)} ms of CPU for each of ${seen.length} requests, their p99 ${waitedMs.toFixed(0)} ms, half of the others refused within ${refusedMs.toFixed(1)} ms, ${before.toFixed(0)} → ${after.toFixed(0)} MB`,
    differences,
  }
}

async function run({ quick, say }: RowSettings) {
  const [readers, seconds] = quick ? [50, 8] : [500, 30]
  const servers = await testStack('postgres', 'kafka', 'registry')
  const stage = await DetectionStage.open(servers)
  const base = { ...stage.env, TEMPORAL_ADDRESS: '127.0.0.1:1', API_KEY_REQUESTS_PER_MINUTE: '10000000' }
  const parts: Found[] = []
  const withApi = async (env: Record<string, string>, work: (api: ProductApi) => Promise<Found>) => {
    const api = await startProductApi({ ...base, ...env })
    try {
      const found = await work(api)
      say(found.figure)
      parts.push(
        api.process.isRunning ? found : { ...found, differences: [`the API has ended:\n${api.process.output}`] },
      )
    } finally {
      await api.process.kill() // readers that do not read would hold up an end in order
    }
  }
  try {
    const many = { API_MAX_AT_WORK: String(AT_WORK), API_MAX_WAITING: String(WAITING), API_QUERY_TIMEOUT_MS: '20000' }
    await withApi(many, (api) => tooManyAtOnce(api, stage.env['DATABASE_URL'] ?? ''))
    const stream = { API_STREAM_CLIENTS: String(readers), API_STREAM_BUFFER_BYTES: String(STREAM_BUFFER_BYTES) }
    await withApi(stream, (api) => slowReaders(api, stage, readers))
    await stage.db.query('ALTER TABLE alert_history RENAME TO all_alerts')
    for (const queryMs of QUERIES_MS) {
      await slowQueries(stage, queryMs)
      await withApi(FEW, (api) => overload(api, queryMs, seconds))
    }
  } finally {
    await stage.close()
  }
  return {
    held: parts.every(({ differences }) => differences.length === 0),
    figure: parts.map(({ figure }) => figure).join('; '),
    configuration: { AT_WORK, WAITING, STREAM_BUFFER_BYTES, QUERIES_MS: QUERIES_MS.join(', '), ...FEW, seconds },
    differences: parts.flatMap(({ differences }) => differences),
  }
}

/** Has every look at alerts take a while, as in a busy database, by a view in place of the table. */
async function slowQueries(stage: DetectionStage, queryMs: number): Promise<void> {
  const waits = `(SELECT pg_sleep(${queryMs / 1_000})) IS NOT NULL`
  await stage.db.query(`CREATE OR REPLACE VIEW alert_history AS SELECT h.* FROM all_alerts h WHERE ${waits}`)
  await stage.db.query(`GRANT SELECT ON alert_history TO ${loginOf('api')}`)
}

export const row: Row = {
  id: 'D7',
  fault:
    'more requests at once than places and queue, readers of the live stream that do not read, ten times the load that can be answered',
  invariant:
    'all are answered, those that are refused with 503 and Retry-After; slow readers are told to go; the good answers stay within 20 % of the peak and wait no longer than the queue is, and memory is bounded',
  quick: true,
  run,
}
