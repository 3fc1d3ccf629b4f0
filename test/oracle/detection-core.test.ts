import assert from 'node:assert/strict'
import type { Anomaly } from '../../domain/detection/anomaly.js'
import { PartitionDetector } from '../../domain/detection/partition-detector.js'
import { rulesInForce } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import { TOPICS } from '../../domain/events.js'
import { keyPartition } from '../../platform/kafka/key-partition.js'
import { DisturbedTraffic } from '../../cli/simulate/disturbed-traffic.js'
import { SeededRandom } from '../../cli/simulate/seeded-random.js'
import { malform } from '../../cli/simulate/malformation.js'
import type { PlannedRecord } from '../../cli/simulate/planned-record.js'
import type { TrafficPlan } from '../../cli/simulate/shop-traffic.js'
import { createEncoder } from '../../platform/avro/codec.js'
import { PlatformError } from '../../platform/platform-error.js'
import { AVRO_SCHEMAS, OBSERVED_EVENT_SCHEMA } from '../../schemas/avro-schemas.js'
import { EventDecoder } from '../../workers/detector/event-decoder.js'
import { runOracle, type DumpedRecord, type OracleRow } from '../support/run-oracle.js'

const PARTITIONS = 3
const SCHEMA_ID = 7
const CLICK_SCHEMA = AVRO_SCHEMAS[TOPICS.clicks] ?? ''
const HIGH_FREQUENCY = [10_000, 10_000, 30] as const
const BOT_LIKE = [60_000, 10_000, 60, 3] as const
const LOW_DIVERSITY = [120_000, 30_000, 40, 150] as const
const OPTIONS = {
  schemas: { [SCHEMA_ID]: 'click' },
  highFrequency: HIGH_FREQUENCY,
  botLike: BOT_LIKE,
  lowDiversity: LOW_DIVERSITY,
} as const

/** A shop's clicks as Kafka would hold them. Append times: of a live stream its own, of a past day much later. */
function logOf(plan: TrafficPlan, records: number): { log: DumpedRecord[]; planned: PlannedRecord[] } {
  const traffic = new DisturbedTraffic(plan)
  const encode = createEncoder(CLICK_SCHEMA, SCHEMA_ID)
  const offsets = new Array<number>(PARTITIONS).fill(0)
  const log: DumpedRecord[] = []
  const planned: PlannedRecord[] = []
  while (log.length < records) {
    const record = traffic.next()
    const { event, sendAtMs } = record
    if (event.kind === 'purchase') continue
    const click = { ...event.click, ingest_ts: sendAtMs }
    const value = event.kind === 'click' ? encode(click) : malform(event.malformation, click, encode, event.cut)
    const partition = keyPartition(event.click.session_id, PARTITIONS)
    const offset = offsets[partition] ?? 0
    offsets[partition] = offset + 1
    const timestamp = plan.clock === 'live' ? sendAtMs : Date.UTC(2030, 0, 1) + log.length
    const text = value === null ? null : value.toString('base64')
    log.push({ topic: TOPICS.clicks, partition, offset, timestamp, key: null, value: text, headers: {} })
    planned.push(record)
  }
  return { log, planned }
}

async function decideWithTheProduct(log: readonly DumpedRecord[]) {
  const schemaById = (id: number) =>
    id === SCHEMA_ID ? Promise.resolve(CLICK_SCHEMA) : Promise.reject(new PlatformError('SCHEMA_UNKNOWN', String(id)))
  const decoder = new EventDecoder(OBSERVED_EVENT_SCHEMA('Click'), { schemaById, maxRecordBytes: 1_048_576 })
  const parameters = (at: readonly number[]) => ({ windowMs: at[0], slideMs: at[1], minEvents: at[2] })
  const rule = (kind: string, values: Record<string, unknown>) =>
    ({ ruleId: kind, version: 1, kind, state: 'active', parameters: values }) as const
  const rules = rulesInForce(
    [
      rule('HIGH_FREQUENCY', parameters(HIGH_FREQUENCY)),
      rule('BOT_LIKE', { ...parameters(BOT_LIKE), maxDistinctItems: BOT_LIKE[3] }),
      rule('LOW_DIVERSITY_RATIO', { ...parameters(LOW_DIVERSITY), maxDistinctRatio: LOW_DIVERSITY[3] / 1_000 }),
    ],
    RULE_KINDS,
  )
  const policy = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
  const detectors = Array.from({ length: PARTITIONS }, () => new PartitionDetector(policy, rules))
  const rows = new Map<string, OracleRow>()
  const dead: string[] = []
  const keep = (partition: number, anomalies: readonly Anomaly[]) => {
    for (const anomaly of anomalies) {
      const row = rowOf(partition, anomaly)
      const key = `${row.session_id} ${row.rule_id} ${row.window_start}`
      if (row.as_of_offset >= (rows.get(key)?.as_of_offset ?? -1)) rows.set(key, row)
    }
  }
  for (const { partition, offset, timestamp, value } of log) {
    const detector = detectors[partition]
    assert.ok(detector)
    const bytes = value === null ? null : Buffer.from(value, 'base64')
    for (const id of decoder.missingIds([bytes])) await decoder.learn(id)
    const { event, fault } = decoder.decode(bytes)
    if (event) {
      if (detector.process(event, offset, timestamp) === 'dead')
        dead.push(`${partition} ${offset} ${String(detector.fault?.code)}`)
    } else {
      detector.countDead()
      dead.push(`${partition} ${offset} ${fault.code}`)
    }
    keep(partition, detector.takeChanges())
  }
  for (const [partition, detector] of detectors.entries()) keep(partition, detector.takeUpdates())
  return { rows: [...rows.values()], dead, counts: detectors.map(({ counts }) => counts) }
}

const rowOf = (partition: number, anomaly: Anomaly): OracleRow => ({
  session_id: anomaly.sessionId,
  user_id: anomaly.userId,
  rule_id: anomaly.ruleId,
  rule_version: anomaly.ruleVersion,
  window_start: anomaly.windowStartMs,
  window_end: anomaly.windowEndMs,
  event_count: anomaly.eventCount,
  distinct_items: anomaly.distinctItems,
  status: anomaly.status,
  topic: TOPICS.clicks,
  kafka_partition: partition,
  first_offset: anomaly.firstOffset,
  last_offset: anomaly.lastOffset,
  as_of_offset: anomaly.asOfOffset,
  produced_ts: anomaly.producedMs,
  kafka_ts: anomaly.kafkaMs,
})

const inOrder = (rows: readonly OracleRow[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

/** Times in whole seconds, few sessions, few ids: a log in which everything that can be equal is. */
function coarseLog(seed: number, records: number): DumpedRecord[] {
  const random = new SeededRandom(seed)
  const encode = createEncoder(CLICK_SCHEMA, SCHEMA_ID)
  const offsets = new Array<number>(PARTITIONS).fill(0)
  let nowMs = Date.UTC(2026, 2, 1, 8)
  return Array.from({ length: records }, () => {
    nowMs += random.chance(1 / 30) ? 1_000 : 0
    const event_ts = nowMs - 1_000 * random.pick([0, 0, 0, 1, 10, 29, 30, 31, 40, -60, -300, -301])
    const partition = random.whole(0, PARTITIONS - 1)
    const offset = offsets[partition] ?? 0
    offsets[partition] = offset + 1
    const event_id = random.chance(0.5) ? `text-${random.whole(0, 400)}` : random.uuid()
    const user_id = random.pick([null, null, 'a', 'b', ''])
    const session = random.whole(0, 1)
    const session_id = `session-${partition}-${session}`
    const item_id = session === 0 ? random.pick([null, 'x', 'y', '']) : `item-${random.whole(1, 40)}`
    const rest = { source: 'test', event_type: 'item_view', page: '/', ip: null, user_agent: null, referrer: null }
    const click = { ...rest, event_id, event_ts, ingest_ts: nowMs, session_id, user_id, item_id }
    const value = encode(click).toString('base64')
    return { topic: TOPICS.clicks, partition, offset, timestamp: nowMs, key: null, value, headers: {} }
  })
}

describe('the detection core against the oracle', () => {
  it('decides on the boundary as the oracle does: times, ids and users that are equal', async function () {
    this.timeout(120_000)
    for (let seed = 1; seed <= 12; seed++) {
      const log = coarseLog(seed, 6_000)
      const [product, oracle] = await Promise.all([decideWithTheProduct(log), runOracle(log, OPTIONS)])
      assert.ok(oracle.rows.length > 20 && oracle.late.length > 100 && oracle.dead.length > 20, `seed ${seed}`)
      assert.deepEqual(inOrder(product.rows), inOrder(oracle.rows), `seed ${seed}`)
      assert.deepEqual(
        product.counts.map((counts) => ({ ...counts })),
        oracle.fates.map(({ accepted, duplicate, late, dead }) => ({ accepted, duplicate, late, dead })),
        `seed ${seed}`,
      )
    }
  })

  for (const [seed, clock, recordsPerSecond] of [
    [11, 'past', 200],
    [12, 'past', 40],
    [13, 'live', 200],
    [14, 'live', 40],
  ] as const)
    it(`gives the same rows, fates and dead letters: seed ${seed}, ${clock}, ${recordsPerSecond}/s`, async function () {
      this.timeout(120_000)
      const plan = { seed, clock, recordsPerSecond, startMs: Date.UTC(2026, 2, 1, 8) }
      const { log, planned } = logOf(plan, 25_000)
      const [product, oracle] = await Promise.all([decideWithTheProduct(log), runOracle(log, OPTIONS)])
      const of = (status: string) => oracle.rows.filter((row) => row.status === status).length
      console.log(
        `      ${oracle.rows.length} rows: ${of('confirmed')} confirmed, ${of('retracted')} retracted, ${of('open')} open;` +
          ` ${oracle.dead.length} dead, ${oracle.late.length} late`,
      )
      for (const { kind } of RULE_KINDS.values())
        assert.ok(
          oracle.rows.some((row) => row.rule_id === kind),
          kind,
        )
      assert.ok(of('confirmed') > 5 && oracle.late.length > 0 && oracle.dead.length > 5, 'the log has everything in it')
      assert.deepEqual(inOrder(product.rows), inOrder(oracle.rows))
      assert.deepEqual(
        product.dead.sort(),
        oracle.dead.map(({ partition, offset, code }) => `${partition} ${offset} ${code}`).sort(),
      )
      assert.deepEqual(
        product.counts.map((counts) => ({ ...counts })),
        oracle.fates.map(({ accepted, duplicate, late, dead }) => ({ accepted, duplicate, late, dead })),
      )
      const sums = (fate: 'accepted' | 'duplicate' | 'late' | 'dead') =>
        oracle.fates.reduce((total, fates) => total + fates[fate], 0)
      const plannedAs = (fate: string) => planned.filter((record) => record.fate === fate).length
      assert.deepEqual(
        { accepted: sums('accepted'), duplicate: sums('duplicate'), late: sums('late'), dead: sums('dead') },
        {
          accepted: plannedAs('accepted'),
          duplicate: plannedAs('duplicate'),
          late: plannedAs('late'),
          dead: plannedAs('DECODE') + plannedAs('INVALID') + plannedAs('FUTURE_TIMESTAMP'),
        },
        'what was planted is what became of it',
      )
    })
})
