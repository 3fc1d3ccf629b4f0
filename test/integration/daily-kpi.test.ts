import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import type { Client } from '@temporalio/client'
import type { BackTestedCounts, BackTestResult } from '../../domain/detection/back-test-result.js'
import {
  SEARCH_ATTRIBUTES,
  type BackfilledDay,
  type CompactArchiveResult,
  type DailyKpiResult,
  type ReconcileResult,
} from '../../workflows/contract.js'
import { dayOfReturns } from '../support/day-of-returns.js'
import { daysWithUnfitRecords } from '../support/days-with-unfit-records.js'
import { archivedLines } from '../support/archive-rows.js'
import { backTestedRows, storedRows } from '../support/back-tested-rows.js'
import { waitUntil } from '../support/child-process.js'
import type { DetectionStage } from '../support/detection-stage.js'
import { FiguresStage, RECORDS_OF_A_DAY } from '../support/figures-stage.js'
import { flaggedOn, publishedFigures } from '../support/kpi-tables.js'
import { keptText } from '../support/payload-texts.js'
import { useTestStack } from '../support/stack.js'
import { openTestPool } from '../support/test-pool.js'

const FIRST = '2026-01-11'
const SECOND = '2026-01-12'
const EMPTY = '2026-01-10'

interface BackTested {
  readonly records: number
  readonly recordsRead: number
  readonly result: BackTestResult & { readonly total: BackTestedCounts }
}

interface ListedSchedule {
  readonly id: string
  readonly next: string
  readonly paused: boolean
  readonly overlap: string
  readonly catchup_seconds: number
}

interface AnomalyKeyRow {
  readonly session_id: string
  readonly window_start: Date
  readonly rule_id: string
}

type Run = Pick<DailyKpiResult, 'published'> & { readonly repeatedRows: number }

interface Preview {
  readonly days: readonly {
    readonly day: string
    readonly files: number
    readonly rows: number
    readonly why: string[]
  }[]
}

describe('the figures of a day', function () {
  this.timeout(240_000)
  const servers = useTestStack('postgres', 'kafka', 'registry', 'temporal')
  let shop: FiguresStage
  let stage: DetectionStage
  let client: Client
  before(async () => {
    shop = await FiguresStage.open(servers(), [
      { day: FIRST, seed: 7 },
      { day: SECOND, seed: 8 },
    ])
    stage = shop.stage
    client = shop.client
  })
  after(() => shop.close())

  const settled = () => shop.settled()
  const expected = (day: string) => shop.expected(day)
  const published = (day: string) => publishedFigures(stage.db, day)
  const run = (day: string) => stage.ask<Run>(['kpi', 'run', '--day', day])
  const compute = (day: string) => shop.compute(day)
  const preview = async (from: string, to: string) =>
    (await stage.ask<Preview>(['kpi', 'preview', '--from', from, '--to', to])).days
  const lastRun = (workflowId: string) => shop.lastRun(workflowId)
  const reconcile = (day: string) => shop.reconcile(day)

  it('are those that the oracle finds in the log, for all, clean and flagged traffic', async () => {
    const { published: publication, repeatedRows } = await run(FIRST)
    assert.deepEqual([publication.isFirst, publication.changedFigures], [true, 0])
    assert.ok(repeatedRows > 0, 'some events came twice')
    const figures = await expected(FIRST)
    assert.ok(Number(figures['flagged']?.metrics['events']) > 0 && Number(figures['clean']?.metrics['events']) > 0)
    assert.deepEqual(await published(FIRST), figures)
    const { typedSearchAttributes } = await client.workflow.getHandle(`daily-kpi:${FIRST}`).describe()
    const found = Object.values(SEARCH_ATTRIBUTES).map((key) => typedSearchAttributes.get(key))
    assert.deepEqual(found, [FIRST, 'request'])
    const recorded = await lastRun(`daily-kpi:${FIRST}`)
    assert.equal(recorded?.status, 'completed')
    const { currentDetails } = await client.workflow
      .getHandle(`daily-kpi:${FIRST}`)
      .query<{ currentDetails: string }>('__temporal_workflow_metadata')
    assert.match(currentDetails, /published for the first time.*clicks.*purchases/s)
  })

  it('of a day run twice, and twice at once, are the same', async () => {
    const before = await published(FIRST)
    const [one, two] = await Promise.all([run(FIRST), run(FIRST)])
    assert.deepEqual([one.published.summary, two.published.summary], Array(2).fill('the same figures as before'))
    assert.deepEqual(await published(FIRST), before)
  })

  const reconciles = async (day: string) => {
    const found = (await reconcile(day)) as ReconcileResult
    assert.deepEqual([found.missing, found.extra, found.different], [0, 0, 0])
    assert.ok(found.expected > 5 && found.stored === found.expected, `${found.expected} anomalies`)
  }
  const backTestsToTheSame = async (days: readonly string[]) => {
    const db = await openTestPool(stage.env['DATABASE_URL'] ?? '')
    try {
      for (const day of days)
        for (const rule of ['HIGH_FREQUENCY', 'BOT_LIKE']) {
          const stored = await storedRows(db.value, rule, day)
          assert.ok(stored.length > 0, `${rule} has anomalies on ${day}`)
          assert.deepEqual(await backTestedRows(db.value, stage.archiveFolder, rule, day), stored)
        }
    } finally {
      await db.stop()
    }
  }

  it('come beside anomalies that are exactly those that the archive gives, by SQL alone', async () => {
    await reconciles(FIRST)
    // The other one as an alert offers it when the schedule has left a day out.
    const span = { start: new Date(`${SECOND}T01:30:00Z`), end: new Date('2026-01-13T01:36:00Z') }
    await client.schedule.getHandle('reconcile').backfill({ ...span, overlap: 'BUFFER_ALL' })
    const madeUp = () => lastRun('reconcile-2026-01-13T01:30:00Z')
    await waitUntil(
      () => 'the run that was left out is not made up for',
      30_000,
      async () => (await madeUp())?.status === 'completed',
    )
    assert.equal((await madeUp())?.details['day'], SECOND)
  })

  it('come beside anomalies that a back-test of the rule in force gives again, row for row', () =>
    backTestsToTheSame([FIRST, SECOND]))

  it('come with a rule that can be tested on them before it is put in force', async () => {
    const range = ['--from', FIRST, '--to', SECOND]
    const same = await stage.ask<BackTested>(['backtest', 'HIGH_FREQUENCY@1', ...range])
    const { candidate, inForce, gained, lost } = same.result.total
    assert.deepEqual([candidate, gained.sessions, lost.sessions], [inForce, 0, 0])
    assert.ok(candidate.windows > 0 && same.recordsRead === same.records)
    const file = stage.file('candidate.json')
    const rule = { rule_id: 'HIGH_FREQUENCY', kind: 'HIGH_FREQUENCY' }
    const parameters = { windowMs: 10_000, slideMs: 10_000, minEvents: 3 }
    await writeFile(file, JSON.stringify({ ...rule, parameters }))
    const wider = await stage.ask<BackTested>(['backtest', file, ...range])
    assert.ok(wider.result.total.gained.sessions > 0 && wider.result.total.lost.sessions === 0)
    assert.ok(wider.result.total.gained.boughtSessions > 0, 'people who are quick are flagged too')
    assert.equal(wider.result.samples.length, 20)
    await writeFile(file, JSON.stringify({ ...rule, parameters: { ...parameters, minEvents: 0 } }))
    const refused = await stage.guardian(['backtest', file, ...range])
    assert.deepEqual([refused.code, /minEvents/.test(refused.stderr)], [2, true])
    const empty = await stage.guardian(['backtest', 'BOT_LIKE', '--from', '2025-01-01', '--to', '2025-01-01'])
    assert.deepEqual([empty.code, /nothing is archived of 2025-01-01/.test(empty.stdout)], [1, true])
  })

  it('of a day without events are zeros, and published', async () => {
    await compute(EMPTY)
    const figures = await published(EMPTY)
    assert.deepEqual(figures, await expected(EMPTY))
    assert.deepEqual(Object.keys(figures).sort(), ['all', 'clean', 'flagged'])
    assert.equal(figures['all']?.metrics['events'], 0)
  })

  it('of a range are computed where they are missing; a day that fails does not stop the others', async () => {
    const today = new Date().toISOString().slice(0, 10)
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
    assert.deepEqual(
      (await preview(FIRST, SECOND)).map(({ day, why }) => [day, why]),
      [
        [FIRST, []],
        [SECOND, ['never_published']],
      ],
    )
    const { code, stdout } = await stage.guardian(['kpi', 'backfill', '--from', yesterday, '--to', today, '--json'])
    const { days, failed } = JSON.parse(stdout) as { days: BackfilledDay[]; failed: number }
    assert.deepEqual([code, failed, days.map(({ state }) => state)], [1, 1, ['published', 'failed']])
    assert.match(days[1]?.reason ?? '', /is not over until/)
    const done = await stage.ask<{ days: BackfilledDay[] }>(['kpi', 'backfill', '--from', FIRST, '--to', SECOND])
    assert.deepEqual(
      done.days.map(({ state }) => state),
      ['up_to_date', 'published'],
    )
    assert.deepEqual(await published(SECOND), await expected(SECOND))
  })

  it('are the same of files that were put together, and so are the anomalies', async () => {
    const [figures, lines] = [await published(FIRST), await archivedLines(stage.db, stage.archiveFolder)]
    const { merged, written, rows, bytes } = (await client.workflow.execute('compactArchive', {
      taskQueue: 'batch',
      workflowId: `compact-archive:${SECOND}`,
      args: [{ day: SECOND, maxDays: 10 }],
    })) as CompactArchiveResult
    assert.ok(merged >= 2 * written && written >= 4, `${merged} files became ${written}`)
    assert.ok(rows > RECORDS_OF_A_DAY && bytes > 0)
    assert.deepEqual(await archivedLines(stage.db, stage.archiveFolder), lines)
    assert.deepEqual((await preview(FIRST, FIRST))[0]?.why, [], 'the day is not stale')
    assert.equal((await compute(FIRST)).published.summary, 'the same figures as before')
    assert.deepEqual(await published(FIRST), figures)
    await reconciles(SECOND)
    await backTestsToTheSame([SECOND])
    assert.equal((await lastRun(`compact-archive:${SECOND}`))?.status, 'completed')
  })

  it('are stale when late data or another verdict comes, and a new run says what changed and why', async () => {
    await stage.ask(['simulate', '--day', FIRST, '--events', '500', '--duration', '600s', '--seed', '99'])
    await settled()
    assert.deepEqual((await preview(FIRST, FIRST))[0]?.why, ['late_data'])
    const late = await compute(FIRST)
    assert.match(late.published.summary, /events \d+ → \d+ \(\+.*because \d+ rows came since/)
    assert.deepEqual(await published(FIRST), await expected(FIRST))

    const [session] = await flaggedOn(stage.db, SECOND)
    await stage.db.query("UPDATE anomaly_sessions SET status = 'retracted' WHERE session_id = $1", [session])
    assert.deepEqual((await preview(SECOND, SECOND))[0]?.why, ['changed_verdicts'])
    const changed = await compute(SECOND)
    assert.match(changed.published.summary, /flagged sessions \d+ → \d+/)
    assert.deepEqual(await published(SECOND), await expected(SECOND))
  })

  dayOfReturns(() => shop)

  daysWithUnfitRecords(() => shop)

  it('are not published when the files are not what the manifest says', async () => {
    const before = await published(FIRST)
    await stage.db.query(
      `UPDATE archive_files SET row_count = row_count + 1
        WHERE path = (SELECT min(f.path) FROM archive_files f WHERE f.first_day = $1)`,
      [FIRST],
    )
    const { code, stdout } = await stage.guardian(['kpi', 'run', '--day', FIRST, '--json'])
    assert.equal(code, 1)
    assert.match(stdout, /the manifest names \d+ rows, and the files have \d+/)
    assert.equal((await lastRun(`daily-kpi:${FIRST}`))?.status, 'failed')
    assert.deepEqual(await published(FIRST), before)
  })

  it('come beside anomalies of which each that is missing or different is found', async () => {
    const [row] = (
      await stage.db.query<AnomalyKeyRow>('SELECT * FROM anomaly_sessions WHERE window_start < $1', [SECOND])
    ).rows
    const { rows: saved } = await stage.db.query(
      `DELETE FROM anomaly_sessions WHERE session_id = $1 AND window_start = $2 AND rule_id = $3 RETURNING *`,
      [row?.session_id, row?.window_start, row?.rule_id],
    )
    await stage.db.query(
      `UPDATE anomaly_sessions SET event_count = event_count + 1 WHERE (session_id, window_start) =
         (SELECT a.session_id, a.window_start FROM anomaly_sessions a WHERE a.window_start < $1 ORDER BY 1, 2 LIMIT 1)`,
      [SECOND],
    )
    await assert.rejects(reconcile(FIRST))
    const { rows } = await stage.db.query<{ missing: number; different: number; failed: boolean }>(
      `SELECT r.missing::int, r.different::int, (SELECT p.status = 'failed' FROM pipeline_runs p
          WHERE p.workflow_id = 'reconcile:' || $1 ORDER BY p.started_ts DESC LIMIT 1) AS failed
         FROM reconciliations r WHERE r.day = $1::date`,
      [FIRST],
    )
    const [found] = rows
    assert.ok(found)
    assert.deepEqual([found.missing, found.different > 0, found.failed], [saved.length, true, true])
  })

  it('wait for an archive that is behind, and say what is missing when it does not come', async () => {
    await shop.archiver.stop()
    await stage.ask(['simulate', '--day', SECOND, '--events', '100', '--duration', '600s', '--seed', '98'])
    const input = { day: SECOND, archiveWaitMs: 1_000 }
    const options = { taskQueue: 'batch', workflowId: `daily-kpi:${SECOND}`, args: [input] }
    await client.workflow.execute('dailyKpi', options).catch((error: unknown) => error)
    const failed = await lastRun(`daily-kpi:${SECOND}`)
    assert.equal(failed?.status, 'failed')
    assert.match(JSON.stringify(failed.details), /the archive has still to come to km\./)
  })

  it('are scheduled for 00:30 UTC, for the day before', async () => {
    const schedules = await stage.ask<ListedSchedule[]>(['schedules'])
    const daily = schedules.find(({ id }) => id === 'daily-kpi')
    assert.match(daily?.next ?? '', /T00:30:00\.000Z$/)
    assert.deepEqual([daily?.paused, daily?.overlap, daily?.catchup_seconds], [false, 'SKIP', 86_400])
  })

  it('leave nothing of their events in what Temporal keeps', async () => {
    const kept = await keptText(client, ['dailyKpi', 'reconcile', 'backTest', 'backfillKpi', 'compactArchive'])
    assert.ok(kept.includes(FIRST), 'payloads are read')
    const { rows } = await stage.db.query<{ id: string }>('SELECT DISTINCT a.session_id AS id FROM anomaly_sessions a')
    assert.ok(rows.length > 5)
    assert.deepEqual(
      rows.filter(({ id }) => kept.includes(id)),
      [],
    )
  })
})
