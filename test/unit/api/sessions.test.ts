import assert from 'node:assert/strict'
import type { ApiDeps } from '../../../api/api.js'
import { keyPartition } from '../../../platform/kafka/key-partition.js'
import type { SessionEvents, SessionSummary } from '../../../schemas/rest/sessions.js'
import { anomalyRow } from '../../support/anomaly-row.js'
import { readAnswer, readProblem, serveApi, type ServedApi } from '../../support/serve-api.js'
import { ruleInForce } from '../../../domain/detection/rule.js'
import { RULE_KINDS } from '../../../domain/detection/rule-kinds.js'

const NOON = Date.UTC(2026, 9, 1, 12)
const SESSION = 'a/b c'
const PARTITION = keyPartition(SESSION, 4)

interface Stored {
  readonly key: string
  readonly event: Record<string, unknown>
}

/** A partition that holds these records from an offset on. */
function logOf(records: readonly Stored[], low = 100) {
  const asked: { from: number; to: number }[] = []
  const eventLog: ReturnType<ApiDeps['openLog']> = {
    offsets: () => Promise.resolve([0, 1, 2, 3].map((partition) => ({ partition, low, high: low + records.length }))),
    offsetsAt: () => Promise.resolve(new Map()),
    read: ({ topic, partition, from, to }, onRecords) => {
      assert.deepEqual([topic, partition], ['km.clicks.v1', PARTITION])
      asked.push({ from, to })
      onRecords(
        records.slice(from - low, to - low).map(({ key, event }, i) => ({
          ...{ key: Buffer.from(key), value: Buffer.from(JSON.stringify(event)) },
          ...{ offset: String(from + i), timestamp: String(NOON + i) },
        })),
      )
      return Promise.resolve()
    },
  }
  const readValue: ApiDeps['readValue'] = (_topic, value) =>
    Promise.resolve({ event: JSON.parse(String(value)) as Record<string, unknown> })
  return { asked, deps: { openLog: () => eventLog, readValue, sessionLogRecords: 1_000 } }
}

const click = (n: number, more: object = {}) => ({
  key: SESSION,
  event: { event_id: `e${n}`, event_ts: NOON + n * 100, item_id: `i${n % 3}`, user_id: 'u', ip: '192.0.2.1', ...more },
})
const other = { key: 'other', event: {} }

describe('sessions over the API', () => {
  let api: ServedApi | undefined
  const get = async (deps: Partial<ApiDeps>, path = '') => {
    await api?.stop()
    api = await serveApi(deps)
    return fetch(`${api.url}/sessions/${encodeURIComponent(SESSION)}${path}`)
  }
  afterEach(async () => {
    await api?.stop()
    api = undefined
  })

  it('says when it was seen and how close it came to each rule; a repeated event counts once', async () => {
    const { deps } = logOf([other, ...Array.from({ length: 60 }, (_, n) => click(n)), click(7), other])
    const parameters = { windowMs: 10_000, slideMs: 10_000, minEvents: 80 }
    const rule = { ruleId: 'R', version: 3, kind: 'HIGH_FREQUENCY', state: 'active' as const, parameters }
    const rulesInForce = () => Promise.resolve([ruleInForce(rule, 'active', RULE_KINDS)])
    const said = await readAnswer<SessionSummary>('getSessionSummary', await get({ ...deps, rulesInForce }))
    assert.deepEqual([said.clicks, said.user_ids], [60, ['u']])
    assert.deepEqual([said.first_seen, said.last_seen], ['2026-10-01T12:00:00.000Z', '2026-10-01T12:00:05.900Z'])
    const [peak] = said.rules
    assert.deepEqual(
      [peak?.min_events, peak?.peak?.events, peak?.peak?.distinct_items, peak?.flagged],
      [80, 60, 3, false],
    )
  })

  it('pages through its events alone, in the order of the log', async () => {
    const { deps } = logOf(Array.from({ length: 25 }, (_, n) => (n % 2 === 0 ? click(n) : other)))
    const seen: unknown[] = []
    let path = '/events?limit=5'
    for (let pages = 0; pages < 10; pages += 1) {
      const { data, page } = await readAnswer<SessionEvents>('listSessionEvents', await get(deps, path))
      assert.ok(data.length <= 5)
      seen.push(...data.map(({ event }) => event?.['event_id']))
      if (page.next_cursor === null) break
      path = `/events?limit=5&cursor=${page.next_cursor}`
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 13 }, (_, n) => `e${n * 2}`),
    )
  })

  it('reads a bounded part, begins around its anomalies, and tells what it left out', async () => {
    const { deps, asked } = logOf(
      Array.from({ length: 5_000 }, (_, n) => (n === 4_999 || n === 700 ? click(n) : other)),
    )
    const newest = await readAnswer<SessionSummary>('getSessionSummary', await get(deps))
    assert.deepEqual([newest.clicks, newest.read.records_before, newest.read.records_behind], [1, 4_000, 0])
    const row = anomalyRow({ sessionId: SESSION, kafkaPartition: PARTITION, firstOffset: 800 })
    const anomalies = { list: () => Promise.resolve({ rows: [row], hasMore: false }), get: () => Promise.resolve(row) }
    const around = await readAnswer<SessionEvents>('listSessionEvents', await get({ ...deps, anomalies }, '/events'))
    assert.deepEqual(asked.at(-1), { from: 300, to: 1_300 })
    assert.deepEqual(
      around.data.map(({ kafka_offset }) => kafka_offset),
      [800],
    )
    assert.equal(around.page.next_cursor, '1300')
  })

  it('is not found without an anomaly or a record', async () => {
    for (const path of ['', '/events']) {
      const problem = await readProblem(await get(logOf([other]).deps, path))
      assert.equal(problem.code, 'SESSION_NOT_FOUND')
    }
  })

  it('ends a page at a bound of bytes', async () => {
    const { deps } = logOf(Array.from({ length: 4 }, (_, n) => click(n, { page: 'x'.repeat(600_000) })))
    const { data, page } = await readAnswer<SessionEvents>('listSessionEvents', await get(deps, '/events'))
    assert.deepEqual([data.length, page.next_cursor], [1, '101'])
  })
})
