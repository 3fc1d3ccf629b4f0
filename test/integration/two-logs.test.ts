import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { recomputeAnomalies } from '../../activities/reconcile/reconciler.js'
import { readReconciliationInputs, readStoredAnomalies } from '../../db/read-models/reconciliation-inputs.js'
import { TOPICS } from '../../domain/events.js'
import { compareAnomalies } from '../../domain/reconciliation/compare-anomalies.js'
import { addDays, parseUtcDay, startOfDayMs } from '../../domain/utc-day.js'
import type { Database } from '../../db/pool.js'
import { backTestedRows, storedRows } from '../support/back-tested-rows.js'
import { waitUntil, type ServiceProcess } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import type { LogEnds } from '../support/stage-topics.js'
import { useTestStack } from '../support/stack.js'
import { openTestPool } from '../support/test-pool.js'

const DAY = parseUtcDay('2026-01-14')
const sumOf = (ends: LogEnds) => [...ends.values()].reduce((a, b) => a + b, 0)

describe('a topic that was made anew', function () {
  this.timeout(120_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let short: LogEnds
  let long: LogEnds
  let db: Database
  let closeDb: () => Promise<void>

  const simulate = (seed: number) =>
    stage.ask([
      ...['simulate', '--day', DAY, '--duration', '100s'],
      ...['--events', String(seed * 5_000), '--seed', String(seed)],
    ])
  const archives = (archiver: ServiceProcess, records: number) =>
    waitUntil(
      () => archiver.output,
      30_000,
      async () => (await stage.archived()) >= records,
    ).then(() => archiver.stop())
  /** Of the manifest, the oldest first, with what each is on disk. */
  const archiveFiles = async () => {
    const { rows } = await stage.db.query<{ path: string }>(
      'SELECT f.path FROM archive_files f ORDER BY f.owner_epoch, f.path',
    )
    return rows.map(({ path }) => `${path} ${statSync(join(stage.archiveFolder, path)).mtimeMs}`)
  }
  const remake = async () => {
    for (const topic of [TOPICS.clicks, TOPICS.purchases]) await stage.ask(['new-log', topic])
  }

  before(async () => {
    stage = await DetectionStage.open(servers())
    await simulate(1)
    short = await stage.logEnds()
    await stage.finish(stage.startDetector(), short)
    await archives(stage.startArchiver(), sumOf(short))
    const pool = await openTestPool(stage.env['DATABASE_URL'] ?? '')
    db = pool.value
    closeDb = pool.stop
  })
  after(async () => {
    await closeDb()
    await stage.close()
  })

  it('is what new-log wants to see: the same log is not read twice', async () => {
    const { code, stdout } = await stage.guardian(['new-log', TOPICS.clicks, '--json'])
    assert.equal(code, 2)
    assert.match(stdout, /nothing is changed/)
    assert.equal(await stage.archived(), sumOf(short))
  })

  it('is not taken for the one before, even when it has grown longer', async () => {
    const [rows, counted, files] = [await stage.rows(), await stage.fates(), await archiveFiles()]
    await stage.recreateTopics()
    await simulate(2)
    long = await stage.logEnds()
    for (const [place, end] of short) assert.ok((long.get(place) ?? 0) > end, `${place} has grown past ${end}`)
    for (const refusing of [stage.startDetector(), stage.startArchiver()]) {
      await waitUntil(
        () => `it ends: ${refusing.output}`,
        30_000,
        () => Promise.resolve(!refusing.isRunning),
      )
      assert.equal(await refusing.exited, 1)
      assert.match(refusing.log, /recreated\? If so, run `guardian new-log km\./)
      assert.match(refusing.log, /GRD_DATA_GAP/)
    }
    assert.deepEqual(await stage.rows(), rows)
    assert.deepEqual(await stage.fates(), counted)
    assert.equal(await stage.archived(), sumOf(short))
    assert.deepEqual(await archiveFiles(), files)
  })

  it('is read from its beginning after new-log, by other rules, beside what there is of the log before', async () => {
    const files = await archiveFiles()
    await remake()
    await stage.ask(['rules', 'set', 'HIGH_FREQUENCY', 'minEvents=30'])
    await stage.finish(stage.startDetector(), long)
    await archives(stage.startArchiver(), sumOf(long))
    assert.deepEqual((await archiveFiles()).slice(0, files.length), files)
    const { rows } = await stage.db.query<{ log: number; version: number; rows: number }>(
      `SELECT c.log, (r->>'version')::int AS version,
              (SELECT sum(f.row_count)::int FROM archive_files f WHERE f.topic = c.topic AND f.log = c.log) AS rows
         FROM detector_rule_changes c, jsonb_array_elements(c.rules) r
        WHERE c.topic = $1 AND c.kafka_partition = 0 AND r->>'ruleId' = 'HIGH_FREQUENCY' ORDER BY 1, 2`,
      [TOPICS.clicks],
    )
    assert.deepEqual(
      rows.map(({ log, version }) => [log, version]),
      [
        [1, 1],
        [2, 2],
      ],
    )
    assert.ok(rows.every((one) => one.rows > 1_000))
  })

  it('gives the stored anomalies of both logs when the day is reconciled or tested again', async () => {
    const { files, ...inputs } = await readReconciliationInputs(db, TOPICS.clicks, DAY)
    const expected = await recomputeAnomalies(
      {
        ...inputs,
        files: files.map(({ path, log }) => ({ path: join(stage.archiveFolder, path), log })),
        fromMs: startOfDayMs(DAY),
        toMs: startOfDayMs(addDays(DAY, 1)),
        allowedLatenessMs: 30_000,
      },
      { memoryLimitBytes: 2 ** 28, threads: 1 },
    )
    const stored = await readStoredAnomalies(db, TOPICS.clicks, DAY)
    assert.deepEqual(compareAnomalies(expected, stored), [])
    const versions = new Set(stored.filter((row) => row.rule_id === 'HIGH_FREQUENCY').map((row) => row.rule_version))
    assert.deepEqual([...versions].sort(), [1, 2], 'both logs have some')
    // BOT_LIKE has been the same all the time.
    const tested = await backTestedRows(db, stage.archiveFolder, 'BOT_LIKE', DAY)
    assert.ok(tested.length > 0)
    assert.deepEqual(tested, await storedRows(db, 'BOT_LIKE', DAY))
  })
})
