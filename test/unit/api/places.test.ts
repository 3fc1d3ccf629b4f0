import assert from 'node:assert/strict'
import { get as httpGet } from 'node:http'
import type { ApiDeps } from '../../../api/api.js'
import { createAdmit } from '../../../api/middleware/admit.js'
import { Registry } from '../../../platform/metrics.js'
import { waitUntil } from '../../support/child-process.js'
import { readProblem, serveApi, type ServedApi } from '../../support/serve-api.js'

const PLACES = { limit: 2, maxWaiting: 0, maxWaitMs: 1_000 }
const LANES = { interactive: PLACES, reports: PLACES, collector: PLACES, stream: PLACES }
const NO_ROWS = { rows: [], hasMore: false }

describe('the places of requests', () => {
  let api: ServedApi
  let lanes: Registry
  /** Ends all work that hangs. */
  let finish: () => void
  let hanging: Promise<void>
  beforeEach(() => {
    hanging = new Promise((resolve) => (finish = resolve))
    lanes = new Registry()
  })
  afterEach(async () => {
    finish()
    await api.stop()
  })

  const open = async (deps: Partial<ApiDeps>) => {
    api = await serveApi({ admit: createAdmit(LANES, lanes), ...deps })
  }
  const hangingList = { list: () => hanging.then(() => NO_ROWS), get: () => Promise.resolve(undefined) }
  const get = (path: string, init: RequestInit = {}) => fetch(`${api.url}${path}`, init)
  const atWork = async (lane: string) =>
    Number(new RegExp(`lane_requests\\{lane="${lane}",state="at_work"\\} (\\d+)`).exec(await lanes.metrics())?.[1])
  const untilAtWork = (lane: string, count: number) =>
    waitUntil(
      () => `${count} at work`,
      2_000,
      async () => (await atWork(lane)) === count,
      5,
    )

  it('are held until their work has ended, also when the caller did not wait for it', async () => {
    await open({ anomalies: hangingList })
    const asked = httpGet(`${api.url}/anomalies`, { agent: false }).on('error', () => undefined)
    await untilAtWork('interactive', 1)
    asked.destroy()
    await waitUntil(
      () => 'the server has seen it go',
      2_000,
      async () => /requests_in_progress 0/.test(await api.registry.metrics()),
      5,
    )
    assert.equal(await atWork('interactive'), 1)
    finish()
    await untilAtWork('interactive', 0)
  })

  it('are held, and the answer is 503 in time, when the work takes longer than a request may', async () => {
    await open({ anomalies: hangingList, requestTimeoutMs: 100 })
    const answer = await get('/anomalies')
    assert.equal(answer.headers.get('retry-after'), '2')
    assert.equal((await readProblem(answer)).code, 'ANSWER_TOO_LATE')
    assert.equal(await atWork('interactive'), 1)
    finish()
    await untilAtWork('interactive', 0)
  })

  it('end work of many parts that nobody waits for any more', async () => {
    let days = 0
    const dayState: ApiDeps['dayState'] = async (day) => {
      days += 1
      await new Promise((resolve) => setTimeout(resolve, 40))
      const nothing = { files: 0, archivedRows: 0, archiveVersion: 0, flaggedDigest: '', flaggedSessions: 0 }
      return { day, ...nothing, releasedDigest: '', timeZone: 'UTC', published: null, isDropped: false }
    }
    await open({ dayState, requestTimeoutMs: 100 })
    const answer = await get('/backfills/preview?from=2026-01-01&to=2026-04-30')
    assert.equal((await readProblem(answer)).code, 'ANSWER_TOO_LATE')
    await untilAtWork('reports', 0)
    assert.ok(days < 60, `${days} days were looked at`)
  })

  it('are given the last good answer, when theirs would be too late and they take it', async () => {
    let isSlow = false
    const list = () => (isSlow ? hangingList.list() : Promise.resolve(NO_ROWS))
    await open({ anomalies: { ...hangingList, list }, requestTimeoutMs: 100 })
    assert.equal((await get('/anomalies')).status, 200)
    isSlow = true
    const stale = await get('/anomalies', { headers: { 'cache-control': 'stale-if-error=60' } })
    assert.deepEqual([stale.status, stale.headers.get('age')], [200, '0'])
  })

  it('of slow reports are their own: others, the collector and /health have theirs', async () => {
    const record = { topic: 't', key: 's', value: Buffer.from('v'), partition: 0, eventMs: 0 }
    await open({
      readStageTimes: () => hanging.then(() => Promise.reject(new Error('over'))),
      anomalies: { ...hangingList, list: () => Promise.resolve(NO_ROWS) },
      collector: {
        sink: { encoder: () => Promise.resolve(() => record), send: () => Promise.resolve() },
        ...{
          maxFutureSkewMs: 300_000,
          allowedLatenessMs: 30_000,
          maxRecordBytes: 10_000,
          notesClient: false,
          clientFrom: { kind: 'peer' },
          traceHeaders: () => undefined,
        },
      },
    })
    const slow = [get('/slo'), get('/slo')]
    await untilAtWork('reports', 2)
    assert.equal((await readProblem(await get('/slo'))).code, 'OVERLOADED')
    const click = { type: 'click', session_id: 's', event_type: 'page_view', page: '/' }
    const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(click) }
    const others = await Promise.all([get('/anomalies'), get('/events', sent), get('/health'), get('/livez')])
    assert.deepEqual(
      others.map(({ status }) => status),
      [200, 200, 200, 200],
    )
    finish()
    await Promise.all(slow)
  })

  it('are not needed for /health: a storm of it asks for the channels of alerts once, and does not wait for them', async () => {
    let reads = 0
    const readChannels = () => {
      reads += 1
      return hanging.then(() => [])
    }
    await open({ readChannels })
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/health')))
    assert.ok(answers.every(({ status }) => status === 200))
    assert.equal(reads, 1)
  })
})
