import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { recomputeAnomalies } from '../../activities/reconcile/reconciler.js'
import { readReconciliationInputs, readStoredAnomalies } from '../../db/read-models/reconciliation-inputs.js'
import { compareAnomalies } from '../../domain/reconciliation/compare-anomalies.js'
import { tickTimeOf } from '../../domain/detection/tick.js'
import { TOPICS } from '../../domain/events.js'
import { addDays, startOfDayMs, utcDayOf } from '../../domain/utc-day.js'
import { keyPartition } from '../../platform/kafka/key-partition.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { AVRO_SCHEMAS, subjectOf } from '../../schemas/avro-schemas.js'
import type { AnomalyList } from '../../schemas/rest/anomalies.js'
import { asAdmin } from '../support/api-keys.js'
import { backTestedRows, storedRows } from '../support/back-tested-rows.js'
import { waitUntil } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import { readTopics } from '../support/dump-topic.js'
import { produceCase } from '../support/produce-case.js'
import { runOracle } from '../support/run-oracle.js'
import { startStageApi, type StageApi } from '../support/stage-api.js'
import { useTestStack } from '../support/stack.js'
import { openTestPool } from '../support/test-pool.js'

const { clicks } = TOPICS
const CLICKS = AVRO_SCHEMAS[clicks] ?? ''
const LATENESS_MS = 1_000
const SETTINGS = { ALLOWED_LATENESS_MS: String(LATENESS_MS) }
const TICKING = { ...SETTINGS, IDLE_TICK_INTERVAL_MS: '300' }
const HOME = keyPartition('k4-s', 4)

/** The last millisecond of a window of ten seconds, days ago: it ends right behind the events. */
const LAST_MS = startOfDayMs(addDays(utcDayOf(Date.now()), -3)) + 12 * 3_600_000 + 9_999

describe('the end of a log', function () {
  this.timeout(120_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let api: StageApi
  let schemaId: number

  before(async () => {
    stage = await DetectionStage.open(servers(), SETTINGS)
    const registry = new RegistryClient({ url: servers().schemaRegistryUrl, timeoutMs: 30_000 })
    schemaId = await registry.register(subjectOf(clicks), CLICKS)
    api = await startStageApi(stage)
  })
  after(async () => {
    await api.stop()
    await stage.close()
  })

  const produce = (prefix: string, eventTs: number) =>
    produceCase({ brokers: stage.brokers, file: 'k4-split.jsonl', schema: CLICKS, schemaId, prefix, eventTs })
  const rows = async () => {
    const response = await fetch(`${api.url}/anomalies`, { headers: asAdmin })
    return ((await response.json()) as AnomalyList).data
  }
  const log = async () => (await readTopics(stage.brokers, [clicks])).filter(({ partition }) => partition === HOME)
  const ticks = async () => (await log()).flatMap(({ value }) => tickTimeOf(Buffer.from(value ?? '', 'base64')) ?? [])
  const size = async () => (await stage.logEnds()).get(`${clicks}/${HOME}`) ?? 0
  const becomesFinal = async (windowEndMs: number) =>
    waitUntil(
      () => 'the anomaly is final',
      15_000,
      async () =>
        (await rows()).some((one) => Date.parse(one.window_end) === windowEndMs && one.status === 'confirmed'),
    )

  it('an anomaly becomes final without a further event, by the log alone, and then the log does not grow', async () => {
    const detector = stage.startDetector(TICKING)
    stage.startArchiver(SETTINGS)
    for (const prefix of ['a', 'b']) await produce(prefix, LAST_MS)
    await becomesFinal(LAST_MS + 1)
    const [tick = 0, ...more] = await ticks()
    assert.deepEqual(more, [])
    assert.ok(tick >= LAST_MS + 1 + LATENESS_MS && tick < LAST_MS + 15_000, 'it is of the time of the log, not of now')
    const before = await size()
    await sleep(2_000)
    assert.equal(await size(), before)
    await detector.stop()
  })

  it('a detector that starts after the last event closes it, too', async () => {
    const first = stage.startDetector(SETTINGS)
    for (const prefix of ['c', 'd']) await produce(prefix, LAST_MS + 10_000)
    await waitUntil(
      () => first.output,
      15_000,
      async () => (await rows()).some(({ status }) => status === 'open'),
    )
    await waitUntil(
      () => 'all is behind a checkpoint',
      10_000,
      async () => (await stage.processed()) >= (await size()),
    )
    await first.kill()
    stage.startDetector(TICKING)
    await becomesFinal(LAST_MS + 10_001)
  })

  it('events that come behind a tick are late by it, and in time if they are not', async () => {
    await produce('e', LAST_MS + 9_000)
    await produce('f', LAST_MS + 12_000)
    await waitUntil(
      () => 'both are decided',
      10_000,
      async () => (await stage.fates()).some(({ late, accepted }) => late === 30 && accepted === 150),
    )
  })

  it('is counted by nobody as an event, and everybody who decides the log again knows of it', async () => {
    await waitUntil(
      () => 'the archive has all',
      20_000,
      async () => (await stage.archived()) >= (await size()),
    )
    await sleep(1_100) // the API keeps its answer for a second
    const [{ ticks: counted, missing } = {}] = (await api.stats()).completeness.partitions.filter(
      ({ topic, kafka_partition }) => topic === clicks && kafka_partition === HOME,
    )
    assert.deepEqual([counted, missing], [(await ticks()).length, 0])
    assert.equal((await readTopics(stage.brokers, [TOPICS.deadLetters])).length, 0)
    const { rows: files } = await stage.db.query<{ n: number }>(
      'SELECT coalesce(sum(f.row_count), 0)::int AS n FROM archive_files f',
    )
    assert.equal(files[0]?.n, 180)
    const oracle = await runOracle(await readTopics(stage.brokers, [clicks]), {
      schemas: { [schemaId]: 'click' },
      latenessMs: LATENESS_MS,
    })
    assert.deepEqual(await stage.rows(), oracle.rows)
    for (const { id } of await rows()) {
      const { code, stdout, stderr } = await stage.guardian(['explain', id])
      assert.equal(code, 0, `${stdout}\n${stderr}`)
    }
    const pool = await openTestPool(stage.env['DATABASE_URL'] ?? '')
    try {
      const day = utcDayOf(LAST_MS)
      const { files: archived, ...inputs } = await readReconciliationInputs(pool.value, clicks, day)
      const expected = await recomputeAnomalies(
        {
          ...inputs,
          files: archived.map(({ path, log }) => ({ path: join(stage.archiveFolder, path), log })),
          ...{ fromMs: startOfDayMs(day), toMs: startOfDayMs(addDays(day, 1)), allowedLatenessMs: LATENESS_MS },
        },
        { memoryLimitBytes: 2 ** 28, threads: 1 },
      )
      assert.ok(expected.length >= 2)
      const tested = await backTestedRows(pool.value, stage.archiveFolder, 'HIGH_FREQUENCY', day, LATENESS_MS)
      const shape = ({ windowStartMs, status, eventCount }: (typeof tested)[number]) => [
        windowStartMs,
        status,
        eventCount,
      ]
      const stored = await storedRows(pool.value, 'HIGH_FREQUENCY', day)
      assert.deepEqual(tested.map(shape), stored.map(shape))
      assert.deepEqual(compareAnomalies(expected, await readStoredAnomalies(pool.value, clicks, day)), [])
    } finally {
      await pool.stop()
    }
  })
})
