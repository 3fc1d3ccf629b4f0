import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createKpiActivities } from '../../../activities/kpi/kpi-activities.js'
import type { ComputedDay, LogEnds, PublishedDay } from '../../../activities/kpi/kpi-contract.js'
import { listDailyMetrics } from '../../../db/read-models/daily-figures.js'
import { readDayState } from '../../../db/read-models/kpi-inputs.js'
import { staleReasons } from '../../../domain/kpi/day-versions.js'
import { parseTimeZone } from '../../../domain/shop-day.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import { createLogger } from '../../../platform/logger.js'
import { openStorage } from '../../../platform/object-storage/open-storage.js'
import { kpiDeps } from '../../../workers/orchestrator/kpi-parts.js'
import { orchestratorConfig } from '../../../workers/orchestrator/orchestrator-config.js'
import { archivePurchases } from '../../support/archived-purchases.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { useTestStack } from '../../support/stack.js'
import { quietTemporal } from '../../support/temporal-client.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const NOBODY = '127.0.0.1:1'

describe('days in the time zone of the shop', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  const archiveFolder = mkdtempSync(join(tmpdir(), 'guardian-shop-days-'))
  let database: MigratedDatabase
  let partition = 0
  before(async () => {
    quietTemporal()
    database = await createMigratedDatabase('shop days')
  })
  after(async () => {
    await database.drop()
    rmSync(archiveFolder, { recursive: true })
  })

  /** One purchase of one minor unit at each instant. */
  const archive = (...instants: string[]) =>
    archivePurchases({ db: database.db, archiveFolder }, ++partition, instants.map((at) => ({
      ...{ id: `${at} ${partition}`, atMs: Date.parse(at), quantity: 1, price: 1, currency: 'KRW', session: at },
    }))) // prettier-ignore
  const activitiesIn = async (timeZone: string) => {
    const config = orchestratorConfig({
      ...{ DATABASE_URL: 'postgres://not-used', KAFKA_BROKERS: NOBODY, SCHEMA_REGISTRY_URL: `http://${NOBODY}` },
      ...{ TEMPORAL_ADDRESS: NOBODY, ARCHIVE_URL: `file://${archiveFolder}`, GUARDIAN_DATA_DIR: archiveFolder },
      KPI_TIME_ZONE: timeZone,
    })
    const log = createLogger('test', 'fatal')
    return kpiDeps({ db: database.db, log, storage: await openStorage(config), config })
  }
  /** @returns how many purchases the day has, and how many of them are flagged */
  const run = async (timeZone: string, day: string): Promise<[number, number]> => {
    const { computeDay, publishDay } = createKpiActivities(await activitiesIn(timeZone))
    const activity = new MockActivityEnvironment()
    const { fence } = await activity.run<[{ day: string }], ComputedDay, typeof computeDay>(computeDay, { day })
    const input = { day, fence }
    await activity.run<[typeof input], PublishedDay, typeof publishDay>(publishDay, input)
    const of = async (traffic: 'all' | 'flagged') =>
      (await listDailyMetrics(database.db, traffic, 300)).find((row) => row.day === day)?.purchases ?? -1
    return [await of('all'), await of('flagged')]
  }
  const stale = async (timeZone: string, day: string) =>
    staleReasons(await readDayState(database.db, parseUtcDay(day), parseTimeZone(timeZone)))

  it('hold two purchases of one day in Seoul that are on two UTC days, and none of its neighbours', async () => {
    await archive(
      '2026-02-09T14:59:59.999Z',
      '2026-02-09T15:00:00Z',
      '2026-02-10T14:59:59.999Z',
      '2026-02-10T15:00:00Z',
    )
    assert.deepEqual(await run('Asia/Seoul', '2026-02-10'), [2, 0])
    const [row] = await listDailyMetrics(database.db, 'all', 1)
    assert.deepEqual([row?.day, row?.time_zone, row?.has_late_data], ['2026-02-10', 'Asia/Seoul', false])
    assert.deepEqual(await stale('Asia/Seoul', '2026-02-10'), [])
    // What comes later on the same UTC day is of the next day in Seoul, and leaves this one as it is.
    await archive('2026-02-10T15:00:00Z', '2026-02-10T23:00:00Z')
    assert.deepEqual(await stale('Asia/Seoul', '2026-02-10'), [])
    await archive('2026-02-10T14:45:00Z')
    assert.deepEqual(await stale('Asia/Seoul', '2026-02-10'), ['late_data'])
    assert.equal((await listDailyMetrics(database.db, 'all', 1))[0]?.has_late_data, true)
    assert.deepEqual(await run('Asia/Seoul', '2026-02-10'), [3, 0])
    assert.deepEqual(await stale('Asia/Seoul', '2026-02-10'), [])
  })

  it('have 23 and 25 hours, and odd bounds', async () => {
    const days: [string, string, string, string][] = [
      ['Pacific/Auckland', '2026-04-05', '2026-04-04T11:00:00Z', '2026-04-05T12:00:00Z'], // 25 hours
      ['Pacific/Auckland', '2026-09-27', '2026-09-26T12:00:00Z', '2026-09-27T11:00:00Z'], // 23 hours
      ['Asia/Kolkata', '2026-03-02', '2026-03-01T18:30:00Z', '2026-03-02T18:30:00Z'],
      ['Pacific/Chatham', '2026-03-06', '2026-03-05T10:15:00Z', '2026-03-06T10:15:00Z'],
      ['Australia/Lord_Howe', '2026-10-04', '2026-10-03T13:30:00Z', '2026-10-04T13:00:00Z'], // 23 and a half
      ['Africa/Cairo', '2026-04-24', '2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z'], // begins at one o'clock
    ]
    for (const [zone, day, from, to] of days) {
      const [first, last] = [Date.parse(from), Date.parse(to) - 1]
      await archive(...[first - 1, first, last, last + 1].map((at) => new Date(at).toISOString()))
      assert.deepEqual(await run(zone, day), [2, 0], `${zone} ${day}`)
      assert.deepEqual(await stale(zone, day), [])
    }
  })

  it('flag the sessions whose windows have a part in them', async () => {
    const at = (text: string) => new Date(`2026-05-${text}`)
    const [before, within] = ['2026-05-09T14:59:00Z', '2026-05-10T10:00:00Z']
    await insertAnomalies(database.db, [
      anomalyRow({ sessionId: before, windowStart: at('09T14:59:00Z'), windowEnd: at('09T15:00:00Z') }),
      anomalyRow({ sessionId: within, windowStart: at('09T14:59:10Z'), windowEnd: at('09T15:00:10Z') }),
    ])
    await archive(within)
    assert.deepEqual(await run('Asia/Seoul', '2026-05-10'), [1, 1])
    await archivePurchases({ db: database.db, archiveFolder }, ++partition, [
      { id: 'b', atMs: Date.parse(within), quantity: 1, price: 1, currency: 'KRW', session: before },
    ])
    assert.deepEqual(await run('Asia/Seoul', '2026-05-10'), [2, 1])
  })

  it('are stale in another zone than they were computed in', async () => {
    await archive('2026-06-10T12:00:00Z')
    assert.deepEqual(await run('UTC', '2026-06-10'), [1, 0])
    assert.deepEqual(
      [await stale('UTC', '2026-06-10'), await stale('Asia/Seoul', '2026-06-10')],
      [[], ['changed_time_zone']],
    )
    await run('Asia/Seoul', '2026-06-10')
    assert.deepEqual(
      [await stale('UTC', '2026-06-10'), await stale('Asia/Seoul', '2026-06-10')],
      [['changed_time_zone'], []],
    )
  })

  it('are over at their own midnight; a reconciliation goes by UTC days', async () => {
    const endsAt = async (timeZone: string, isShopDay: boolean, now: string): Promise<unknown> => {
      const deps = await activitiesIn(timeZone)
      const { readLogEnds } = createKpiActivities({
        ...deps,
        logEnds: () => Promise.resolve([]),
        now: () => Date.parse(now),
      })
      const input = { day: '2026-07-10', ...(isShopDay ? { isShopDay } : {}) }
      return new MockActivityEnvironment()
        .run<[typeof input], LogEnds, typeof readLogEnds>(readLogEnds, input)
        .catch((error: unknown) => (error instanceof Error ? error.message : error))
    }
    assert.match(
      String(await endsAt('America/Los_Angeles', true, '2026-07-11T06:59:00Z')),
      /not over until 2026-07-11T07:00:30/,
    )
    assert.deepEqual(await endsAt('America/Los_Angeles', true, '2026-07-11T07:01:00Z'), [])
    assert.deepEqual(await endsAt('America/Los_Angeles', false, '2026-07-11T00:01:00Z'), [])
    assert.deepEqual(await endsAt('Asia/Seoul', true, '2026-07-10T15:01:00Z'), [])
  })
})
