import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { TOPICS } from '../../domain/events.js'
import { waitUntil, type ServiceProcess } from '../support/child-process.js'
import { deleteBefore } from '../support/topic-faults.js'
import { DetectionStage } from '../support/detection-stage.js'
import type { OracleRow } from '../support/run-oracle.js'
import { useTestStack } from '../support/stack.js'
import type { LogEnds } from '../support/stage-topics.js'
import { SupervisedApp } from '../support/supervised-app.js'
import { crashConsumer } from '../support/taken-group.js'

const RECORDS = 60_000
const SEED = 77

type Freezable = Pick<ServiceProcess, 'output' | 'freeze' | 'kill'>

describe('who owns a partition, and from where it goes on', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let ends: LogEnds
  let expected: OracleRow[]
  let fates: unknown[]

  before(async () => {
    stage = await DetectionStage.open(servers())
    await stage.ask([
      'simulate',
      '--day',
      '2026-01-11',
      '--events',
      String(RECORDS),
      '--duration',
      '300s',
      '--seed',
      String(SEED),
    ])
    await decideAll()
    assert.ok(expected.length > 20, `${expected.length} anomalies`)
  })
  after(() => stage.close())

  /** What a detector that nothing happens to makes of the log, in a database that is fresh. */
  async function decideAll(): Promise<void> {
    ends = await stage.logEnds()
    await stage.finish(stage.startDetector(), ends)
    expected = await stage.rows()
    fates = await stage.fates()
  }

  const slowly = (group: string) => ({
    DETECTOR_GROUP_ID: `${group}-${process.pid}`,
    FETCH_MAX_BYTES: '65536',
    FETCH_MAX_BYTES_PER_PARTITION: '16384',
    CHECKPOINT_INTERVAL_MS: '100',
    KAFKA_SESSION_TIMEOUT_MS: '2000',
  })

  const says = (detector: ServiceProcess, text: string, deadlineMs = 30_000) =>
    waitUntil(
      () => `${text}: ${detector.output}`,
      deadlineMs,
      () => Promise.resolve(detector.output.includes(text)),
    )

  /** Every partition of clicks is taken and has gone some of its way. */
  const onTheWay = (detector: Freezable) =>
    waitUntil(
      () => detector.output,
      60_000,
      async () => {
        const { rows } = await stage.db.query<{ taken: boolean }>(
          'SELECT count(*) = 4 AS taken FROM detector_checkpoints c WHERE c.topic = $1 AND c.next_offset > 500',
          [TOPICS.clicks],
        )
        return rows[0]?.taken === true
      },
      2,
    )

  /** On a busy machine one may have done it all before it is frozen: then another one tries. */
  const frozenOnTheWay = async <P extends Freezable>(start: () => Promise<P>): Promise<P> => {
    for (let attempt = 1; ; attempt++) {
      await stage.freshDatabase()
      const detector = await start()
      await onTheWay(detector)
      detector.freeze()
      if ((await stage.processed()) < RECORDS) return detector
      assert.ok(attempt < 10, 'no detector was frozen on the way')
      await detector.kill()
    }
  }

  it('an owner that was frozen while another took over is fenced when it wakes, and changes nothing', async () => {
    const settings = slowly('frozen')
    const zombie = await frozenOnTheWay(() => Promise.resolve(stage.startDetector(settings)))
    const heir = stage.startDetector(settings)
    await waitUntil(
      () => heir.output,
      90_000,
      async () => (await stage.processed()) >= RECORDS,
    )
    zombie.thaw()
    await says(zombie, 'partition_lost')
    await heir.stop()
    await zombie.stop()
    assert.deepEqual(await stage.rows(), expected)
    assert.deepEqual(await stage.fates(), fates)
  })

  it('a process whose consumer crashes says why and ends; its supervisor starts it again, and the result is as without', async () => {
    const settings = slowly('crashed')
    const app = await frozenOnTheWay(() =>
      SupervisedApp.start('detector', { ...stage.env, ...settings }, stage.file('supervised')),
    )
    try {
      const endedAt = await crashConsumer(app, stage.brokers, settings.DETECTOR_GROUP_ID, () => stage.processed())
      assert.ok(endedAt < RECORDS, 'there was work left')
      await waitUntil(
        () => app.output,
        60_000,
        async () => (await stage.processed()) >= RECORDS,
      )
      await app.stop()
    } finally {
      await app.kill()
    }
    assert.deepEqual(await stage.rows(), expected)
    assert.deepEqual(await stage.fates(), fates)
  })

  it('a process that is told to stop while it takes its partitions ends in order', async () => {
    await stage.freshDatabase()
    for (const pauseMs of [0, 25, 50, 75, 100]) {
      const detector = stage.startDetector(slowly('stopped'))
      await says(detector, 'group_joined')
      await sleep(pauseMs)
      await detector.stop()
    }
  })

  it('two processes share the partitions, and what one leaves the other takes', async () => {
    await stage.freshDatabase()
    const settings = slowly('shared')
    const [one, two] = [stage.startDetector(settings), stage.startDetector(settings)]
    await waitUntil(
      () => one.output + two.output,
      60_000,
      async () => (await stage.processed()) > RECORDS / 10,
      2,
    )
    await one.stop()
    await stage.finish(two, ends)
    assert.deepEqual(await stage.rows(), expected)
    assert.deepEqual(await stage.fates(), fates)
  })

  it('what is decided is committed before partitions go to a new member: it does not begin where the last checkpoint was', async () => {
    await stage.freshDatabase()
    const settings = { ...slowly('joined'), CHECKPOINT_INTERVAL_MS: '600000', LOG_LEVEL: 'info' }
    const one = stage.startDetector(settings)
    await says(one, 'partition_taken')
    const two = stage.startDetector(settings)
    await says(two, 'group_joined', 60_000)
    // One may have decided the whole log by now: a partition is taken when a record of it comes.
    await stage.ask(['simulate', '--day', '2026-01-11', '--events', '500', '--duration', '10s', '--seed', '7'])
    await says(two, 'partition_taken', 60_000)
    const from = [...two.output.matchAll(/"nextOffset":(\d+)[^\n]*"partition_taken"/g)].map(([, offset]) =>
      Number(offset),
    )
    assert.ok(
      from.some((offset) => offset > 0),
      `it begins at ${from.join(', ')}\n${one.output}\n${two.output}`,
    )
    await Promise.all([one.stop(), two.stop()])
    await stage.freshDatabase()
    await decideAll()
  })

  it('a partition waits while the registry is away: nothing is called a dead letter that is none', async () => {
    const { registry } = servers()
    await stage.freshDatabase()
    registry?.kill('SIGKILL')
    const waiting = stage.startDetector()
    await says(waiting, 'partition_waits')
    assert.equal(await stage.processed(), 0)
    await registry?.restart()
    await stage.finish(waiting, ends)
    assert.deepEqual(await stage.rows(), expected)
    assert.deepEqual(await stage.fates(), fates)
  })

  it('state with a damaged byte is refused, loudly, and never used', async () => {
    await stage.freshDatabase()
    await stage.finish(stage.startDetector(), ends)
    await stage.db.query(
      `UPDATE detector_state_pieces SET bytes = set_byte(bytes, length(bytes) / 2, get_byte(bytes, length(bytes) / 2) # 4)`,
    )
    const before = await stage.rows()
    await stage.ask(['simulate', '--day', '2026-01-11', '--events', '100', '--duration', '10s', '--seed', '5'])
    const detector = stage.startDetector()
    assert.equal(await detector.exited, 1)
    assert.match(detector.log, /GRD_SNAPSHOT_REFUSED|checksum/)
    assert.deepEqual(await stage.rows(), before)
  })

  it('rules that change take effect at a checkpoint, which is recorded with its offset', async () => {
    await stage.freshDatabase()
    const before = await stage.logEnds()
    const total = [...before.values()].reduce((a, b) => a + b, 0)
    const detector = stage.startDetector({ RULES_REFRESH_MS: '100' })
    await waitUntil(
      () => detector.output,
      60_000,
      async () => (await stage.processed()) >= total,
    )
    await stage.ask(['rules', 'set', 'HIGH_FREQUENCY', 'minEvents=30'])
    const changes = () =>
      stage.db
        .query<{ partition: number; offset: number; version: number }>(
          `SELECT c.kafka_partition AS partition, c.from_offset::float8 AS offset, (r->>'version')::int AS version
             FROM detector_rule_changes c, jsonb_array_elements(c.rules) r
            WHERE c.topic = $1 AND r->>'ruleId' = 'HIGH_FREQUENCY' ORDER BY 1, 2`,
          [TOPICS.clicks],
        )
        .then(({ rows }) => rows)
    await waitUntil(
      () => detector.output,
      30_000,
      async () => (await changes()).length === 8,
    )
    const day = ['simulate', '--day', '2026-01-12', '--events', '20000', '--duration', '100s', '--seed', '78']
    await stage.ask(day)
    await stage.finish(detector, await stage.logEnds())
    for (let partition = 0; partition < 4; partition++)
      assert.deepEqual(
        (await changes()).filter((change) => change.partition === partition),
        [
          { partition, offset: 0, version: 1 },
          { partition, offset: before.get(`${TOPICS.clicks}/${partition}`), version: 2 },
        ],
      )
    const { rows } = await stage.db.query<{ partition: number; version: number; crossed: number }>(
      `SELECT a.kafka_partition AS partition, a.rule_version AS version,
              (a.evidence->'crossed'->>'offset')::float8 AS crossed
         FROM anomaly_sessions a WHERE a.rule_id = 'HIGH_FREQUENCY'`,
    )
    for (const { partition, version, crossed } of rows)
      assert.equal(version, crossed < (before.get(`${TOPICS.clicks}/${partition}`) ?? 0) ? 1 : 2)
    assert.deepEqual([...new Set(rows.map(({ version }) => version))].sort(), [1, 2], 'both versions found some')
  })

  it('offsets that Kafka no longer has are recorded as a gap, never stepped over in silence', async () => {
    await stage.freshDatabase()
    const settings = slowly('gap')
    const read = await stage.logEnds()
    await stage.finish(stage.startDetector(settings), read)
    const day = ['simulate', '--day', '2026-01-13', '--events', '20000', '--duration', '100s', '--seed', '79']
    await stage.ask(day)
    const from = read.get(`${TOPICS.clicks}/0`) ?? 0
    const to = from + 500
    await deleteBefore(stage.brokers, 0, to)
    await stage.finish(stage.startDetector(settings), await stage.logEnds())
    const gaps = await stage.db.query(
      'SELECT g.topic, g.kafka_partition, g.from_offset::float8, g.to_offset::float8 FROM data_gaps g',
    )
    assert.deepEqual(gaps.rows, [{ topic: TOPICS.clicks, kafka_partition: 0, from_offset: from, to_offset: to }])
  })
})
