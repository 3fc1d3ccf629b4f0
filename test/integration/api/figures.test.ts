import assert from 'node:assert/strict'
import {
  listDailyMetrics,
  listPipelineRuns,
  readFunnel,
  readPopularItems,
} from '../../../db/read-models/daily-figures.js'
import { publishFigures, raiseFence, stageFigures, type FigureInputs } from '../../../db/stores/kpi.js'
import { listQuarantine } from '../../../db/read-models/quarantine.js'
import { decideRecord, storeQuarantined } from '../../../db/stores/quarantine.js'
import { quarantineIdOf, type UnfitRecord } from '../../../domain/kpi/quarantine.js'
import type { QuarantinedRecord, QuarantineList } from '../../../schemas/rest/quarantine.js'
import { sendJson } from '../../support/send-json.js'
import { recordRunStart } from '../../../db/stores/pipeline-runs.js'
import { figuresOf, METRIC_NAMES } from '../../../domain/kpi/figures.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import type {
  DailyMetricsList,
  Funnel,
  MetricsSummary,
  PipelineRunList,
  PopularItems,
} from '../../../schemas/rest/figures.js'
import { NO_BOUNDS, NOTHING_LEFT_OUT } from '../../support/figure-inputs.js'
import { readAnswer, readProblem, serveApi, type ServedApi } from '../../support/serve-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

describe('figures over HTTP', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: ServedApi
  const ask = (path: string) => fetch(`${api.url}${path}`)

  before(async () => {
    database = await createMigratedDatabase('figures')
    const { db } = database
    api = await serveApi({
      figures: {
        dailyMetrics: (traffic, days) => listDailyMetrics(db, traffic, days),
        popularItems: (of) => readPopularItems(db, of),
        funnel: (of) => readFunnel(db, of),
        pipelineRuns: (page) => listPipelineRuns(db, page),
      },
      quarantine: {
        list: (page) => listQuarantine(db, page),
        decide: (key, decision, comment, by) => decideRecord(db, key, decision, comment, by),
      },
    })
  })
  after(async () => {
    await api.stop()
    await database.drop()
  })

  const publish = async (text: string, n: number, more: Partial<FigureInputs> = {}) => {
    const day = parseUtcDay(text)
    const fence = await raiseFence(database.db, day)
    const figures = figuresOf({
      metrics: ['all', 'clean'].map((traffic) => ({
        traffic,
        ...Object.fromEntries(METRIC_NAMES.map((name) => [name, n])),
        session_ms: n * 2_500,
      })),
      revenue: [{ traffic: 'all', currency: 'EUR', amount: n }],
      items: [1, 2, 3].map((place) => ({
        ...{ traffic: 'all', ranking: 'carts', place, item_id: `i${place}`, amount: n },
      })),
      funnel: [
        { traffic: 'all', step: 'viewed', sessions: 4 },
        { traffic: 'all', step: 'carted', sessions: 1 },
      ],
    })
    const inputs = {
      ...{ archiveVersion: 0, archivedRows: 0, flaggedSessions: 0, flaggedDigest: '', isUnusual: false },
      ...NOTHING_LEFT_OUT,
      ...more,
    }
    await stageFigures(database.db, day, fence, figures, inputs)
    await publishFigures(database.db, day, fence)
  }

  it('say that nothing is published yet', async () => {
    const none = await readAnswer<MetricsSummary>('getMetricsSummary', await ask('/metrics/summary'))
    assert.deepEqual([none.days, none.from, none.events, none.conversion], [0, null, 0, null])
    for (const path of ['/items/popular', '/funnel', '/funnel?day=2026-10-01'])
      assert.equal((await readProblem(await ask(path))).code, 'DAY_NOT_PUBLISHED')
  })

  it('are those of the last published days, each day an object with its day', async () => {
    await publish('2026-10-01', 10)
    await publish('2026-10-02', 20)
    await database.db.query(
      `INSERT INTO archive_days (dataset, event_day, row_count, version) VALUES ('clicks', '2026-10-01', 5, 1)`,
    )
    const { data } = await readAnswer<DailyMetricsList>('listDailyMetrics', await ask('/metrics/daily?days=5'))
    assert.deepEqual(
      data.map(({ day, events, has_late_data, mean_session_seconds, revenue }) => [
        ...[day, events, has_late_data, mean_session_seconds, revenue['EUR']],
      ]),
      [
        ['2026-10-02', 20, false, 2.5, 20],
        ['2026-10-01', 10, true, 2.5, 10],
      ],
    )
    const one = await readAnswer<DailyMetricsList>(
      'listDailyMetrics',
      await ask('/metrics/daily?days=1&traffic=flagged'),
    )
    assert.deepEqual(
      one.data.map(({ day, events }) => [day, events]),
      [['2026-10-02', 0]],
    )
    const sum = await readAnswer<MetricsSummary>('getMetricsSummary', await ask('/metrics/summary?days=7'))
    assert.deepEqual([sum.days, sum.from, sum.to, sum.events], [2, '2026-10-01', '2026-10-02', 30])
    assert.deepEqual([sum.revenue, sum.conversion, sum.mean_session_seconds], [{ EUR: 30 }, 1, 2.5])
  })

  it('have the items and the funnel of the day that is asked for, else of the last', async () => {
    const items = await readAnswer<PopularItems>('getPopularItems', await ask('/items/popular?by=carts&limit=2'))
    assert.deepEqual([items.day, items.data.map(({ item_id }) => item_id)], ['2026-10-02', ['i1', 'i2']])
    const views = await readAnswer<PopularItems>('getPopularItems', await ask('/items/popular?day=2026-10-01'))
    assert.deepEqual([views.day, views.data], ['2026-10-01', []])
    const funnel = await readAnswer<Funnel>('getFunnel', await ask('/funnel?day=2026-10-01'))
    assert.deepEqual(
      funnel.steps.map(({ step, sessions, of_first }) => [step, sessions, of_first]),
      [
        ['viewed', 4, 1],
        ['carted', 1, 0.25],
        ['checked_out', 0, 0],
        ['purchased', 0, 0],
      ],
    )
  })

  const unfit = (offset: number, more: Partial<UnfitRecord> = {}): UnfitRecord => ({
    ...{
      dataset: 'purchases',
      partition: 3,
      offset,
      eventMs: 1_790_000_000_123,
      sessionId: 's',
      eventId: `e${offset}`,
    },
    ...{ source: 'shop', reason: 'REVENUE_OVERFLOW', field: null, fields: { currency: 'EUR', quantity: '1' } },
    amount: '9007199254740981',
    ...more,
  })
  const decide = (record: UnfitRecord, body: object) =>
    sendJson(`${api.url}/quarantine/${quarantineIdOf(record)}/decision`, 'PUT', {}, body)
  const listed = async (query: string) =>
    readAnswer<QuarantineList>('listQuarantine', await ask(`/quarantine?${query}`))

  it('leave out records that a person can see and decide on', async () => {
    const lacking = { reason: 'MISSING_FIELD', field: 'currency', amount: null, source: null } as const
    await storeQuarantined(database.db, parseUtcDay('2026-10-02'), NO_BOUNDS, [unfit(1), unfit(2), unfit(3, lacking)])
    await storeQuarantined(database.db, parseUtcDay('2026-10-01'), NO_BOUNDS, [unfit(4)])
    await publish('2026-10-02', 20, { quarantinedRecords: 3, sums: { amounts: { EUR: '10' }, units: '1' } })
    const { data } = await readAnswer<DailyMetricsList>('listDailyMetrics', await ask('/metrics/daily?days=2'))
    assert.deepEqual(
      data.map(({ quarantined_records: waiting, dropped_records: dropped }) => [waiting, dropped]),
      [
        [3, 0],
        [0, 0],
      ],
    )
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: QuarantineList = await listed(`limit=1${cursor && `&cursor=${cursor}`}`)
      seen.push(...page.data.map(({ day, event_id: id }) => `${day} ${id}`))
      cursor = page.page.next_cursor
    }
    assert.deepEqual(seen, ['2026-10-02 e1', '2026-10-02 e2', '2026-10-02 e3', '2026-10-01 e4'])
    const [third] = (await listed('day=2026-10-02&reason=MISSING_FIELD&state=quarantined')).data
    assert.deepEqual([third?.id, third?.reason_text], ['p-3-3-1790000000123', 'it has no currency'])
    assert.deepEqual((await listed('state=released')).data, [])

    const released = await readAnswer<QuarantinedRecord>(
      'decideQuarantinedRecord',
      await decide(unfit(1), { decision: 'release', comment: 'it is real' }),
    )
    assert.deepEqual([released.state, released.comment, released.decided_by], ['released', 'it is real', 'key_0'])
    // The room in the sum is taken: one more minor unit would not fit.
    const refused = await readProblem(await decide(unfit(2), { decision: 'release' }))
    assert.deepEqual([refused.code, /sum of the amounts in EUR/.test(refused.detail)], ['RECORD_DOES_NOT_FIT', true])
    assert.equal((await decide(unfit(1), { decision: 'drop' })).status, 200)
    assert.equal((await decide(unfit(2), { decision: 'release' })).status, 200)
    assert.equal((await readProblem(await decide(unfit(9), { decision: 'drop' }))).code, 'RECORD_NOT_FOUND')
    assert.equal((await readProblem(await decide(unfit(1), { decision: 'count' }))).code, 'BAD_REQUEST')
    // A run that finds that it does not fit after all gives it back; what was dropped stays so.
    await storeQuarantined(database.db, parseUtcDay('2026-10-02'), NO_BOUNDS, [unfit(1), unfit(2)])
    const states = (await listed('day=2026-10-02')).data.map(({ state, comment }) => [state, comment])
    assert.deepEqual(states, [
      ['dropped', null],
      ['quarantined', null],
      ['quarantined', null],
    ])
  })

  it('add up to no revenue that JSON cannot hold', async () => {
    const most = { EUR: Number.MAX_SAFE_INTEGER }
    await database.db.query(`UPDATE daily_metrics SET revenue = $1 WHERE traffic = 'all'`, [most])
    const sum = await readAnswer<MetricsSummary>('getMetricsSummary', await ask('/metrics/summary?days=7'))
    assert.deepEqual([sum.revenue, sum.revenue_too_large, sum.quarantined_records], [{}, ['EUR'], 3])
  })

  it('refuse what does not fit, naming it', async () => {
    for (const query of [
      '/metrics/daily?days=0',
      '/funnel?day=2026-02-30',
      '/items/popular?by=price',
      '/funnel?traffic=x',
    ])
      assert.equal((await readProblem(await ask(query))).code, 'BAD_REQUEST', query)
  })

  it('come with the runs that made them, page by page', async () => {
    const key = { workflowId: 'daily-kpi:2026-10-01', runId: 'r1' }
    await recordRunStart(database.db, { ...key, workflowType: 'dailyKpi', startedTs: new Date(0), details: { day: 1 } })
    const { data } = await readAnswer<PipelineRunList>('listPipelineRuns', await ask('/pipeline-runs?type=dailyKpi'))
    assert.deepEqual(
      data.map(({ workflow_id, status, started_ts, ended_ts }) => [workflow_id, status, started_ts, ended_ts]),
      [['daily-kpi:2026-10-01', 'running', '1970-01-01T00:00:00.000Z', null]],
    )
    assert.deepEqual(
      (await readAnswer<PipelineRunList>('listPipelineRuns', await ask('/pipeline-runs?type=other'))).data,
      [],
    )
    // Two began at the same moment, and one of another workflow between them.
    for (const [workflowId, runId, atMs, type] of [
      ['daily-kpi:2026-10-01', 'r2', 5, 'dailyKpi'],
      ['daily-kpi:2026-10-02', 'r3', 5, 'dailyKpi'],
      ['reconcile:2026-10-02', 'r4', 6, 'reconcile'],
      ['daily-kpi:2026-10-03', 'r5', 7, 'dailyKpi'],
    ] as const)
      await recordRunStart(database.db, {
        ...{ workflowId, runId, workflowType: type, startedTs: new Date(atMs), details: {} },
      })
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: PipelineRunList = await readAnswer<PipelineRunList>(
        'listPipelineRuns',
        await ask(`/pipeline-runs?type=dailyKpi&limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`),
      )
      seen.push(...page.data.map(({ run_id }) => run_id))
      cursor = page.page.next_cursor
    }
    assert.deepEqual(seen, ['r5', 'r3', 'r2', 'r1'])
  })
})
