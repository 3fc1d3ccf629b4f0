import assert from 'node:assert/strict'
import { reportProduced } from '../../db/stores/minute-counts.js'
import { TOPICS } from '../../domain/events.js'
import type { Completeness } from '../../schemas/rest/completeness.js'
import { waitUntil } from '../support/child-process.js'
import { deleteBefore } from '../support/topic-faults.js'
import { DetectionStage } from '../support/detection-stage.js'
import { startStageApi, type StageApi } from '../support/stage-api.js'
import { useTestStack } from '../support/stack.js'
import { openTestPool } from '../support/test-pool.js'

const SEED = 91
/** Small fetches, so that there is time to be killed. */
const SLOWLY = { FETCH_MAX_BYTES: '65536', FETCH_MAX_BYTES_PER_PARTITION: '16384', CHECKPOINT_INTERVAL_MS: '100' }
const DELETED = 300

/** Records reported and records counted, of each minute of which any is known. */
const SIDES = `
SELECT coalesce(p.topic, m.topic) AS topic, coalesce(p.kafka_partition, m.kafka_partition) AS partition,
       coalesce(p.minute, m.minute) AS minute, coalesce(p.records, 0)::float8 AS reported, coalesce(m.counted, 0)::float8 AS counted
  FROM (SELECT topic, kafka_partition, minute, sum(records) AS records FROM produced_counts WHERE clock = 'event' GROUP BY 1, 2, 3) p
  FULL JOIN (SELECT topic, kafka_partition, minute, accepted + duplicate + late + dead AS counted
               FROM minute_counts WHERE clock = 'event') m
    ON m.topic = p.topic AND m.kafka_partition = p.kafka_partition AND m.minute = p.minute
 ORDER BY 1, 2, 3`

const BY_FATE = `
SELECT c.topic, c.kafka_partition, c.accepted = m.accepted AND c.duplicate = m.duplicate AND c.late = m.late AND c.dead = m.dead AS same
  FROM detector_checkpoints c
  JOIN (SELECT topic, kafka_partition, sum(accepted) AS accepted, sum(duplicate) AS duplicate, sum(late) AS late, sum(dead) AS dead
          FROM minute_counts GROUP BY 1, 2) m USING (topic, kafka_partition)`

describe('completeness', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let api: StageApi

  before(async () => {
    stage = await DetectionStage.open(servers())
    api = await startStageApi(stage)
  })
  after(async () => {
    await api.stop()
    await stage.close()
  })

  const send = (day: string, seed: number) =>
    stage.ask([...['simulate', '--day', day, '--events', '30000', '--duration', '600s'], ...['--seed', String(seed)]])

  /** An answer in which Kafka has had its say, and that is newer than what was shared before. */
  async function completeness(): Promise<Completeness> {
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    let found = (await api.stats()).completeness
    await waitUntil(
      () => 'Kafka has answered in time',
      20_000,
      async () => {
        found = (await api.stats()).completeness
        return found.partitions.every(({ produced }) => produced !== null)
      },
      500,
    )
    return found
  }

  const sum = (partitions: Completeness['partitions'], what: 'produced' | 'in_flight' | 'missing') =>
    partitions.reduce((total, partition) => total + (partition[what] ?? Number.NaN), 0)

  it('is told while nothing has been read: all is in flight, and nothing is missing', async () => {
    await send('2026-01-20', SEED)
    const detector = stage.startDetector(SLOWLY)
    await waitUntil(
      () => detector.output,
      60_000,
      async () => (await stage.processed()) > 2_000,
      2,
    )
    await detector.kill()
    const { partitions } = await completeness()
    const ends = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
    assert.equal(sum(partitions, 'produced'), ends)
    assert.equal(sum(partitions, 'in_flight'), ends - (await stage.processed()))
    assert.ok(sum(partitions, 'in_flight') > 0, 'the kill came while there was work left')
    for (const { missing, reported_missing } of partitions) assert.deepEqual([missing, reported_missing ?? 0], [0, 0])
  })

  it('is exact after kills: every minute has what its producer reports of it, and every record one fate', async () => {
    const ends = await stage.logEnds()
    for (const at of [9_000, 16_000, 23_000]) {
      const detector = stage.startDetector(SLOWLY)
      await waitUntil(
        () => detector.output,
        60_000,
        async () => (await stage.processed()) > at,
        2,
      )
      await detector.kill()
    }
    await stage.finish(stage.startDetector(SLOWLY), ends)
    const { rows } = await stage.db.query<{ reported: number; counted: number }>(SIDES)
    assert.ok(rows.length > 40, `${rows.length} minutes of partitions`)
    assert.deepEqual(
      rows.filter(({ reported, counted }) => reported !== counted),
      [],
    )
    const fates = await stage.db.query<{ same: boolean }>(BY_FATE)
    assert.equal(fates.rows.length, 8)
    assert.ok(fates.rows.every(({ same }) => same))
    const { partitions, minutes } = await completeness()
    for (const p of partitions) {
      assert.equal(p.produced, ends.get(`${p.topic}/${p.kafka_partition}`))
      assert.deepEqual([p.missing, p.in_flight, p.reported, p.reported_missing], [0, 0, p.produced, 0])
    }
    assert.ok(minutes.length >= 40)
    assert.ok(minutes.every(({ uncounted }) => uncounted === 0))
  })

  it('shows records that Kafka deleted before they were read, before and after the detector finds out', async () => {
    const from = (await stage.logEnds()).get(`${TOPICS.clicks}/0`) ?? 0
    await send('2026-01-21', SEED + 1)
    await deleteBefore(stage.brokers, 0, from + DELETED)
    const of = ({ partitions }: Completeness) =>
      partitions.find((p) => p.topic === TOPICS.clicks && p.kafka_partition === 0)
    const before = of(await completeness())
    assert.deepEqual([before?.missing, before?.in_data_gaps], [DELETED, 0])
    await stage.finish(stage.startDetector(), await stage.logEnds())
    const told = await completeness()
    const after = of(told)
    assert.deepEqual([after?.missing, after?.in_data_gaps, after?.in_flight], [DELETED, DELETED, 0])
    const uncounted = told.minutes
      .filter((minute) => minute.topic === TOPICS.clicks && minute.kafka_partition === 0)
      .reduce((total, minute) => total + (minute.uncounted ?? 0), 0)
    // Some of those that were deleted had no event time: they are missing in no minute.
    assert.ok(uncounted <= DELETED && uncounted > DELETED * 0.9, `${uncounted} are missing in their minutes`)
    assert.equal(after?.reported_missing, uncounted)
    assert.equal(sum(told.partitions, 'missing'), DELETED)
    assert.match(await api.metrics(), metricOf(TOPICS.clicks, 0, 'missing', DELETED))
  })

  it('shows records that a producer had acknowledged, and that no log holds', async () => {
    const { rows } = await stage.db.query<{ minute: Date }>(
      `SELECT minute FROM minute_counts WHERE topic = $1 AND kafka_partition = 1 AND clock = 'event' ORDER BY 1 DESC LIMIT 1`,
      [TOPICS.clicks],
    )
    const minute = rows[0]?.minute
    assert.ok(minute)
    const lost = { topic: TOPICS.clicks, partition: 1, clock: 'event', minuteMs: minute.getTime(), records: 7 } as const
    const pool = await openTestPool(stage.env['DATABASE_URL'] ?? '')
    await reportProduced(pool.value, 'a producer that lost some', [lost])
    await reportProduced(pool.value, 'a producer that lost some', [lost]) // said twice, it is the same
    await pool.stop()
    const { partitions, minutes } = await completeness()
    const found = partitions.find((p) => p.topic === TOPICS.clicks && p.kafka_partition === 1)
    assert.deepEqual([found?.missing, found?.reported_missing], [0, 7])
    const shown = minutes.find(
      (m) => m.topic === TOPICS.clicks && m.kafka_partition === 1 && m.minute === minute.toISOString(),
    )
    assert.equal(shown?.uncounted, 7)
    assert.deepEqual([found?.incomplete_minutes, found?.oldest_incomplete_minute], [1, minute.toISOString()])
    const metrics = await api.metrics()
    assert.match(metrics, metricOf(TOPICS.clicks, 1, 'reported_missing', 7))
    const atPartition = `\\{topic="${TOPICS.clicks}",partition="1"[^}]*\\}`
    const startS = minute.getTime() / 1_000
    for (const gauge of [
      `incomplete_minutes${atPartition} 1`,
      `oldest_incomplete_minute_seconds${atPartition} ${startS}`,
    ])
      assert.match(metrics, new RegExp(`^guardian_completeness_${gauge}$`, 'm'))
    const latest = minutesOf(metrics, TOPICS.clicks, 1)
    // Of the last minutes, one may have had no record.
    assert.ok(latest.has(0) && latest.size > 5 && latest.size <= 10, `${latest.size} minutes`)
    for (const [behind, records] of latest) {
      const { accepted = 0, duplicate = 0, late = 0, dead = 0, uncounted, reported } = records
      assert.equal(uncounted, behind === 0 ? 7 : 0, `${behind} minutes behind`)
      assert.equal(accepted + duplicate + late + dead + uncounted, reported)
    }
  })

  it('keeps the counts of minutes as long as it is told to', async () => {
    const count = async () =>
      (await stage.db.query<{ n: number }>('SELECT count(*)::float8 AS n FROM minute_counts')).rows[0]?.n ?? 0
    const before = await count()
    await send('2026-01-25', SEED + 2)
    await stage.finish(stage.startDetector({ MINUTE_RETENTION_HOURS: '24' }), await stage.logEnds())
    const { rows } = await stage.db.query<{ oldest: Date }>(
      `SELECT min(minute) AS oldest FROM minute_counts WHERE clock = 'event' AND topic = $1`,
      [TOPICS.clicks],
    )
    assert.ok((rows[0]?.oldest.getTime() ?? 0) >= Date.UTC(2026, 0, 24))
    assert.ok((await count()) < before * 2)
    const { partitions } = await completeness()
    assert.equal(sum(partitions, 'missing'), DELETED, 'what was missing does not come back with the counts')
    assert.ok(partitions.every(({ reported_missing }) => reported_missing === 0))
  })
})

const metricOf = (topic: string, partition: number, what: string, value: number): RegExp =>
  new RegExp(
    `guardian_completeness_records\\{topic="${topic}",partition="${partition}",what="${what}"[^}]*\\} ${value}\\n`,
  )

/** What the metrics say of the latest minutes of a partition, by how far each is behind. */
function minutesOf(metrics: string, topic: string, partition: number): Map<number, Record<string, number>> {
  const found = new Map<number, Record<string, number>>()
  const labels = `topic="${topic}",partition="${partition}",minutes_behind="(\\d+)",what="(\\w+)"`
  for (const [, behind = '', what = '', value] of metrics.matchAll(
    new RegExp(`^guardian_completeness_minute_records\\{${labels}[^}]*\\} (\\d+)$`, 'gm'),
  ))
    found.set(Number(behind), { ...found.get(Number(behind)), [what]: Number(value) })
  return found
}
