import assert from 'node:assert/strict'
import { completenessOf } from '../../../api/completeness.js'
import { observeCompleteness } from '../../../api/completeness-metrics.js'
import type { PartitionCounts } from '../../../db/read-models/completeness.js'
import { createRegistry } from '../../../platform/metrics.js'

const COUNTS: PartitionCounts = {
  topic: 't',
  kafkaPartition: 0,
  firstOffset: 10,
  nextOffset: 110,
  voidOffsets: 0,
  ticks: 0,
  accepted: 90,
  duplicate: 5,
  late: 3,
  dead: 2,
  inDataGaps: 0,
  reported: null,
  uncounted: 0,
  incompleteMinutes: 0,
  oldestIncompleteMinute: null,
  undated: 0,
}
const LOG = { records: 0, seconds: 0, logStart: 0, logEnd: 150 }

const answer = (counts: Partial<PartitionCounts>, log: Partial<typeof LOG> = {}) => {
  const [partition] = completenessOf(
    { partitions: [{ ...COUNTS, ...counts }], minutes: [] },
    new Map([['t/0', { ...LOG, ...log }]]),
  ).partitions
  assert.ok(partition)
  return partition
}

describe('completeness', () => {
  it('adds up: accepted + duplicate + late + dead + in flight = produced', () => {
    const { produced, in_flight, missing } = answer({})
    assert.deepEqual([produced, in_flight, missing], [140, 40, 0])
  })

  it('misses a record that was passed without a fate, whether it is known why or not', () => {
    assert.equal(answer({ accepted: 89 }).missing, 1)
    assert.deepEqual([answer({ accepted: 80, inDataGaps: 10 })].map((p) => [p.missing, p.in_data_gaps])[0], [10, 10])
  })

  it('misses what Kafka has deleted before it was read, also before the detector has noticed', () => {
    const { produced, in_flight, missing } = answer({}, { logStart: 120 })
    assert.deepEqual([produced, in_flight, missing], [140, 30, 10])
  })

  it('does not miss offsets that hold no record', () => {
    assert.equal(answer({ accepted: 88, voidOffsets: 2 }).missing, 0)
  })

  it('is below zero when the log is shorter than what was counted', () => {
    assert.equal(answer({}, { logEnd: 100 }).missing, -10)
  })

  it('misses what producers report, but for what is in flight or has no event time', () => {
    assert.equal(answer({ reported: 200, uncounted: 60 }).reported_missing, 20)
    assert.equal(answer({ reported: 200, uncounted: 60, undated: 15 }).reported_missing, 5)
    assert.equal(answer({ reported: 200, uncounted: 30 }).reported_missing, 0)
    assert.equal(answer({}).reported_missing, null)
  })

  it('has partitions that no detector has taken, all in flight; and does not know more than Kafka says', () => {
    const [other] = completenessOf(
      { partitions: [], minutes: [] },
      new Map([['t/3', { ...LOG, logStart: 50 }]]),
    ).partitions
    assert.deepEqual([other?.kafka_partition, other?.produced, other?.in_flight, other?.missing], [3, 100, 100, 0])
    const [unknown] = completenessOf({ partitions: [COUNTS], minutes: [] }, undefined).partitions
    assert.deepEqual([unknown?.produced, unknown?.in_flight, unknown?.missing], [null, null, null])
  })

  it('is told by metrics, and by none while it cannot be read', async () => {
    const registry = createRegistry('test')
    let isAway = false
    const counts = { ...COUNTS, accepted: 89 }
    observeCompleteness(registry, 10, () =>
      isAway
        ? Promise.reject(new Error('away'))
        : Promise.resolve(completenessOf({ partitions: [counts], minutes: [] }, new Map([['t/0', LOG]]))),
    )
    const read = async () =>
      (await registry.metrics()).split('\n').filter((line) => /^guardian_completeness/.test(line))
    const lines = await read()
    assert.ok(lines.some((line) => line.includes('what="missing"') && line.endsWith(' 1')))
    assert.ok(!lines.some((line) => line.includes('what="reported"')))
    isAway = true
    assert.deepEqual(await read(), [])
  })

  it('tells so many of the latest minutes of each partition apart, and how many are incomplete, since when', async () => {
    const registry = createRegistry('test')
    const noon = Date.UTC(2026, 9, 1, 12)
    const minute = (kafkaPartition: number, behind: number, more: object = {}) => ({
      ...{ topic: 't', kafkaPartition, minute: new Date(noon - behind * 60_000), reported: 9 },
      ...{ accepted: 5, duplicate: 2, late: 1, dead: 1, ...more },
    })
    const minutes = [
      minute(0, 0),
      minute(0, 2, { accepted: 3 }),
      minute(0, 3, { accepted: 0 }),
      minute(1, 60, { reported: null }),
      minute(1, 61, { reported: 10 }),
    ]
    const counts = { ...COUNTS, reported: 45, incompleteMinutes: 2, oldestIncompleteMinute: new Date(noon - 180_000) }
    observeCompleteness(registry, 3, () =>
      Promise.resolve(completenessOf({ partitions: [counts, { ...COUNTS, kafkaPartition: 1 }], minutes }, undefined)),
    )
    const series = (await registry.metrics())
      .split('\n')
      .filter((line) => /^guardian_completeness_(minute|latest|incomplete|oldest)/.test(line))
      .map((line) => line.replace('guardian_completeness_', '').replace(/,process="test"/, ''))
    const behind = (partition: number, n: number) =>
      series
        .filter((line) => line.startsWith(`minute_records{topic="t",partition="${partition}",minutes_behind="${n}"`))
        .map((line) => / *what="(\w+)"[^}]*\} (\d+)/.exec(line)?.slice(1).join(' '))
    const whole = ['accepted 5', 'duplicate 2', 'late 1', 'dead 1']
    assert.deepEqual(behind(0, 0), ['reported 9', ...whole, 'uncounted 0'])
    assert.deepEqual(behind(0, 2), ['reported 9', 'accepted 3', ...whole.slice(1), 'uncounted 2'])
    assert.deepEqual(behind(0, 3), [], 'it is not one of the latest three')
    assert.deepEqual(behind(1, 0), whole, 'nobody reports it')
    assert.deepEqual(behind(1, 1), ['reported 10', ...whole, 'uncounted 1'])
    assert.equal(series.filter((line) => line.startsWith('minute_records')).length, 6 + 6 + 4 + 6)
    const others = series.filter((line) => !line.startsWith('minute_records'))
    assert.deepEqual(others, [
      `latest_minute_seconds{topic="t",partition="0"} ${noon / 1_000}`,
      `latest_minute_seconds{topic="t",partition="1"} ${noon / 1_000 - 3_600}`,
      'incomplete_minutes{topic="t",partition="0"} 2',
      `oldest_incomplete_minute_seconds{topic="t",partition="0"} ${noon / 1_000 - 180}`,
    ])
  })
})
