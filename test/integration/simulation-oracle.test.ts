import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { TOPICS } from '../../domain/events.js'
import { SeededRandom } from '../../cli/simulate/seeded-random.js'
import type { Manifest } from '../../cli/simulate/manifest.js'
import { DetectionStage } from '../support/detection-stage.js'
import { waitUntil } from '../support/child-process.js'
import { readTopics, writeDump } from '../support/dump-topic.js'
import { runOracle, totalFate, type OracleReport } from '../support/run-oracle.js'
import { useTestStack } from '../support/stack.js'

const SEED = Number(process.env['TEST_SEED'] ?? 20_261)
const RECORDS = 200_000
const KILLS = 10
/** Small fetches, so that there is time to be killed in. */
const SLOWLY = { FETCH_MAX_BYTES: '131072', FETCH_MAX_BYTES_PER_PARTITION: '16384', CHECKPOINT_INTERVAL_MS: '100' }

describe('a simulated shop, decided by the detector and by the oracle', function () {
  this.timeout(600_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let oracle: OracleReport
  let manifest: Manifest
  let total: number

  before(async () => {
    stage = await DetectionStage.open(servers())
    const day = ['simulate', '--day', '2026-01-10', '--events', String(RECORDS), '--duration', '1000s']
    await stage.ask([...day, '--seed', String(SEED), '--manifest', stage.file('manifest.json')])
    manifest = JSON.parse(await readFile(stage.file('manifest.json'), 'utf8')) as Manifest
    await stage.ask(['simulate', '--live', '--duration', '12s', '--rate', '800', '--seed', String(SEED)])
    const schemas = (await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])).schemas
    const idOf = (topic: string) => schemas.find(({ subject }) => subject === `${topic}-value`)?.id ?? 0
    const log = await readTopics(stage.brokers, [TOPICS.clicks, TOPICS.purchases])
    await writeDump(stage.file('dump.jsonl'), log)
    total = log.length
    oracle = await runOracle(stage.file('dump.jsonl'), {
      schemas: { [idOf(TOPICS.clicks)]: 'click', [idOf(TOPICS.purchases)]: 'purchase' },
    })
    const of = (rule: string, status: string) =>
      oracle.rows.filter((row) => row.rule_id === rule && row.status === status).length
    console.log(
      `      seed ${SEED}; ${total} records; ${oracle.rows.length} anomalies, HIGH_FREQUENCY confirmed` +
        ` ${of('HIGH_FREQUENCY', 'confirmed')}, BOT_LIKE confirmed ${of('BOT_LIKE', 'confirmed')}, retracted` +
        ` ${of('BOT_LIKE', 'retracted')}; ${oracle.late.length} late, ${oracle.dead.length} dead`,
    )
    assert.ok(
      of('HIGH_FREQUENCY', 'confirmed') > 10 && of('BOT_LIKE', 'confirmed') > 50 && of('BOT_LIKE', 'retracted') > 5,
    )
  })

  after(() => stage.close())

  async function assertSameAsOracle(): Promise<void> {
    assert.deepEqual(
      await stage.fates(),
      oracle.fates.filter((fates) => fates.accepted + fates.dead + fates.late > 0),
    )
    assert.deepEqual(await stage.rows(), oracle.rows)
  }

  it('plants what then happens: the fates of the day are those of its manifest', () => {
    const day = Object.values(manifest.fates[TOPICS.clicks] ?? {}).reduce((a, b) => a + b, 0)
    const purchases = Object.values(manifest.fates[TOPICS.purchases] ?? {}).reduce((a, b) => a + b, 0)
    assert.equal(day + purchases, RECORDS)
    const planted = (fate: keyof Manifest['fates'][string]) => manifest.fates[TOPICS.clicks]?.[fate] ?? 0
    // The live part adds some, and nothing late: its delays are longer than it is.
    assert.equal(totalFate(oracle, TOPICS.clicks, 'late'), planted('late'))
    for (const session of manifest.abnormalSessions.filter(
      ({ kind }) => kind.startsWith('just_below') || kind === 'one_item_too_many',
    ))
      assert.ok(!oracle.rows.some((row) => row.session_id === session.session_id), `${session.kind} is no anomaly`)
    const flagged = new Set(oracle.rows.map((row) => row.session_id))
    const complete = manifest.abnormalSessions.filter(({ kind, accepted }) => kind === 'scraper' && accepted > 100)
    for (const { session_id } of complete) assert.ok(flagged.has(session_id), 'a scraper that had its time is flagged')
  })

  let evidence: unknown[]
  it('gives the same rows, fates and windows', async () => {
    await stage.finish(stage.startDetector(), await stage.logEnds())
    await assertSameAsOracle()
    evidence = await stage.evidence()
  })

  it('gives them again, from an empty database', async () => {
    await stage.freshDatabase()
    await stage.finish(stage.startDetector(), await stage.logEnds())
    await assertSameAsOracle()
    assert.deepEqual(await stage.evidence(), evidence)
  })

  it(`gives them when the process is killed ${KILLS} times on the way`, async () => {
    await stage.freshDatabase()
    const random = new SeededRandom(SEED)
    const offsets = Array.from({ length: KILLS }, () => random.whole(total / 50, (total * 9) / 10)).sort(
      (a, b) => a - b,
    )
    const settings = { ...SLOWLY, DETECTOR_GROUP_ID: `killed-${SEED}-${process.pid}`, KAFKA_SESSION_TIMEOUT_MS: '2000' }
    const killedAt: number[] = []
    let detector = stage.startDetector(settings)
    for (const offset of offsets) {
      let processed = 0
      await waitUntil(
        () => `${processed} of ${offset} records: ${detector.output}`,
        120_000,
        async () => {
          if (!detector.isRunning) throw new Error(`the detector has ended by itself:\n${detector.output}`)
          return (processed = await stage.processed()) >= offset
        },
        2,
      )
      await detector.kill()
      killedAt.push(processed)
      detector = stage.startDetector(settings)
    }
    console.log(`      killed at ${killedAt.join(', ')} of ${total}`)
    assert.ok(
      killedAt.every((processed) => processed < total),
      'every kill came while there was work left',
    )
    await stage.finish(detector, await stage.logEnds())
    await assertSameAsOracle()
    assert.deepEqual(await stage.evidence(), evidence)
  })
})
