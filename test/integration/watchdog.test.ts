import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import type { OracleRow } from '../support/run-oracle.js'
import { useTestStack } from '../support/stack.js'
import type { LogEnds } from '../support/stage-topics.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { patchedCopy } from '../failure/patched-copy.js'

const LIMIT_MS = 5_000
const WATCHED = { PROGRESS_TIMEOUT_MS: String(LIMIT_MS) }
const NEVER = 'await new Promise(() => {});'

/** Waits that nothing ends, planted in a copy of the product; and what it must say of each. */
const WEDGES = [
  {
    what: 'a checkpoint that waits for ever',
    file: 'workers/detector/checkpointer.js',
    before: 'await Promise.all([...owner.sideSends]);',
    wedge: `if (owner.committedOffset > 1_000) ${NEVER} `,
    step: /checkpoint: waits until Kafka has \d+ sends, \d/,
  },
  {
    what: 'a batch that waits for ever',
    file: 'workers/detector/detector-worker.js',
    before: 'const end = await owner.schemas.settle(',
    wedge: `if (owner.nextOffset > 1_000) ${NEVER} `,
    step: /batch: has decided up to \d+, \d/,
  },
]

describe('a detector that makes no progress', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let ends: LogEnds
  let expected: OracleRow[]
  let fates: unknown[]
  const settings = {
    CHECKPOINT_INTERVAL_MS: '100',
    FETCH_MAX_BYTES: '65536',
    FETCH_MAX_BYTES_PER_PARTITION: '16384',
    KAFKA_SESSION_TIMEOUT_MS: '2000',
  }

  before(async () => {
    stage = await DetectionStage.open(servers())
    await stage.ask([
      ...['simulate', '--day', '2026-01-16', '--events', '30000'],
      ...['--duration', '150s', '--seed', '16'],
    ])
    ends = await stage.logEnds()
    await stage.finish(stage.startDetector(), ends)
    expected = await stage.rows()
    fates = await stage.fates()
    assert.ok(expected.length > 5, `${expected.length} anomalies`)
  })
  after(() => stage.close())

  for (const { what, file, before: text, wedge, step } of WEDGES)
    it(`because of ${what}, says where it is stuck and ends; the next one finishes`, async () => {
      await stage.freshDatabase()
      const copy = patchedCopy([{ file, from: text, to: wedge + text }])
      try {
        const stuck = stage.startDetector({ ...settings, ...WATCHED }, copy.root)
        await waitUntil(
          () => `it ends: ${stuck.output}`,
          60_000,
          () => Promise.resolve(!stuck.isRunning),
        )
        assert.equal(await stuck.exited, 1)
        assert.match(stuck.log, /GRD_STALLED/)
        assert.match(stuck.log, /"partition_stuck"/)
        assert.match(stuck.log, step)
      } finally {
        copy.remove()
      }
      const total = [...ends.values()].reduce((a, b) => a + b, 0)
      assert.ok((await stage.processed()) < total, 'there was work left')
      await stage.finish(stage.startDetector(settings), ends)
      assert.deepEqual(await stage.rows(), expected)
      assert.deepEqual(await stage.fates(), fates)
    })

  it('because its state is as large as it may be, says so and ends; with more room the next one finishes', async () => {
    await stage.freshDatabase()
    const full = stage.startDetector({ ...settings, MAX_PARTITION_STATE_BYTES: '524288' })
    await waitUntil(
      () => `it ends: ${full.output}`,
      60_000,
      () => Promise.resolve(!full.isRunning),
    )
    assert.equal(await full.exited, 1)
    assert.match(full.log, /GRD_STATE_LIMIT/)
    assert.match(full.log, /the state of km\.clicks\.v1\/\d takes \d+ bytes .*MAX_PARTITION_STATE_BYTES is 524288/)
    await stage.finish(stage.startDetector(settings), ends)
    assert.deepEqual(await stage.rows(), expected)
    assert.deepEqual(await stage.fates(), fates)
  })

  it('because Kafka has its group behind all records, but the database is new, begins where the database says', async () => {
    const group = { ...settings, ...WATCHED, DETECTOR_GROUP_ID: `watchdog-${process.pid}` }
    await stage.freshDatabase()
    await stage.finish(stage.startDetector(group), ends)
    await stage.freshDatabase()
    await stage.finish(stage.startDetector(group), ends)
    assert.deepEqual(await stage.rows(), expected)
    assert.deepEqual(await stage.fates(), fates)
  })

  it('because PostgreSQL is away, stays, however long that is, and goes on by itself', async () => {
    await stage.freshDatabase()
    const proxy = await startTcpProxy(new URL(servers().databaseUrl))
    try {
      const detector = stage.startDetector({
        ...settings,
        ...WATCHED,
        PG_STATEMENT_TIMEOUT_MS: '1000',
        PG_CONNECT_TIMEOUT_MS: '1000',
        DATABASE_URL: proxy.urlOf(stage.env['DATABASE_URL'] ?? ''),
      })
      await waitUntil(
        () => detector.output,
        60_000,
        async () => (await stage.processed()) > 1_000,
        2,
      )
      proxy.blackHole()
      await sleep(3 * LIMIT_MS)
      assert.ok(detector.isRunning, detector.output)
      const total = [...ends.values()].reduce((a, b) => a + b, 0)
      assert.ok((await stage.processed()) < total, 'there was work left')
      proxy.heal()
      await stage.finish(detector, ends)
      assert.equal(detector.says('partition_stuck'), 0)
      assert.deepEqual(await stage.rows(), expected)
      assert.deepEqual(await stage.fates(), fates)
    } finally {
      await proxy.close()
    }
  })
})
