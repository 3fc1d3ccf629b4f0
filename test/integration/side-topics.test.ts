import assert from 'node:assert/strict'
import kafkajs from 'kafkajs'
import { malform, MALFORMATION_KINDS } from '../../cli/simulate/malformation.js'
import { TOPICS, type Click } from '../../domain/events.js'
import { createEncoder } from '../../platform/avro/codec.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'
import { DetectionStage } from '../support/detection-stage.js'
import { readTopics } from '../support/dump-topic.js'
import { runOracle, type DumpedRecord, type OracleReport } from '../support/run-oracle.js'
import { useTestStack } from '../support/stack.js'

const SEED = Number(process.env['TEST_SEED'] ?? 4_711)
const DAY_MS = Date.UTC(2026, 0, 10)
const BINARY = Buffer.from([0, 1, 0xff, 0xfe])
/** Headers of a producer: text, bytes, one given twice, and one that has the name of one of ours. */
const THEIRS = { trace: 'abc', binary: BINARY, twice: ['one', 'two'], 'guardian.error.code': 'theirs' }

const text = (values: readonly string[] | undefined): string[] =>
  (values ?? []).map((value) => Buffer.from(value, 'base64').toString())

describe('records that are late or cannot be processed', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let oracle: OracleReport
  let origin: Map<string, DumpedRecord>
  let dead: DumpedRecord[]
  let late: DumpedRecord[]

  before(async () => {
    stage = await DetectionStage.open(servers())
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const idOf = (topic: string) => schemas.find(({ subject }) => subject === `${topic}-value`)?.id ?? 0
    await stage.ask([
      ...['simulate', '--day', '2026-01-10', '--events', '30000', '--duration', '300s', '--seed', String(SEED)],
    ])
    await produceByHand(stage.brokers, idOf(TOPICS.clicks))
    await stage.finish(stage.startDetector(), await stage.logEnds())
    const log = await readTopics(stage.brokers, [TOPICS.clicks, TOPICS.purchases])
    oracle = await runOracle(log, {
      schemas: { [idOf(TOPICS.clicks)]: 'click', [idOf(TOPICS.purchases)]: 'purchase' },
    })
    origin = new Map(log.map((record) => [`${record.topic} ${record.partition} ${record.offset}`, record]))
    dead = await readTopics(stage.brokers, [TOPICS.deadLetters])
    late = await readTopics(stage.brokers, [TOPICS.late])
    console.log(`      seed ${SEED}; ${log.length} records, ${dead.length} dead letters, ${late.length} late`)
  })

  after(() => stage.close())

  /** The record that a side record came from, whose key, value and headers it must still have. */
  function assertUntouched(copy: DumpedRecord, place: string): DumpedRecord {
    const record = origin.get(place)
    assert.ok(record, `${place} is in the log`)
    assert.equal(copy.key, record.key, place)
    assert.equal(copy.value, record.value, place)
    for (const [name, values] of Object.entries(record.headers))
      assert.deepEqual(copy.headers[name]?.slice(0, values.length), values, `${place}: header ${name}`)
    return record
  }

  it('puts every dead record, untouched, with its origin and its code, into the dead letter topic, once', () => {
    const places = dead.map((letter) => {
      const header = (name: string) => text(letter.headers[name]).at(-1)
      const place = ['topic', 'partition', 'offset'].map((part) => header(`__connect.errors.${part}`)).join(' ')
      assertUntouched(letter, place)
      const code = header('guardian.error.code') ?? ''
      const stageName = code === 'DECODE' ? 'VALUE_CONVERTER' : 'TRANSFORMATION'
      assert.equal(header('__connect.errors.stage'), stageName)
      assert.ok(header('__connect.errors.exception.class.name')?.includes(code))
      const reason = header('__connect.errors.exception.message') ?? ''
      assert.ok(reason.length > 0 && reason.length <= 256)
      return `${place} ${code}`
    })
    const expected = oracle.dead.map(({ topic, partition, offset, code }) => `${topic} ${partition} ${offset} ${code}`)
    assert.deepEqual(places.sort(), expected.sort())
    const codes = new Set(oracle.dead.map(({ code }) => code))
    assert.deepEqual([...codes].sort(), ['DECODE', 'FUTURE_TIMESTAMP', 'INVALID'])
  })

  it('puts every late record, untouched, with its origin, into the late topic, once', () => {
    const places = late.map((copy) => {
      const place = ['topic', 'partition', 'offset']
        .map((part) => text(copy.headers[`guardian.origin.${part}`]).at(-1))
        .join(' ')
      assertUntouched(copy, place)
      return place
    })
    const expected = oracle.late.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`)
    assert.deepEqual(places.sort(), expected.sort())
    assert.ok(expected.length > 20)
  })

  it('keeps the headers of a producer, even those that have the names of ours', () => {
    const byHand = [...dead, ...late].filter(({ headers }) => headers['trace'] !== undefined)
    assert.equal(byHand.length, MALFORMATION_KINDS.length + 2)
    for (const { headers } of byHand) {
      assert.deepEqual(text(headers['trace']), ['abc'])
      assert.deepEqual(headers['binary'], [BINARY.toString('base64')])
      assert.deepEqual(text(headers['twice']), ['one', 'two'])
      assert.equal(text(headers['guardian.error.code'])[0], 'theirs')
    }
  })

  it('gives every record exactly one fate: the counts add up to what was produced, partition by partition', async () => {
    const fates = await stage.fates()
    assert.deepEqual(
      fates,
      oracle.fates.filter(({ topic, partition }) => fates.some((f) => f.topic === topic && f.partition === partition)),
    )
    for (const [place, end] of await stage.logEnds()) {
      const counted = fates.find(({ topic, partition }) => `${topic}/${partition}` === place)
      const sum = counted ? counted.accepted + counted.duplicate + counted.late + counted.dead : 0
      assert.equal(sum, end, place)
    }
  })
})

/** One record of every malformed kind, one from the future and one late, all with headers. */
async function produceByHand(brokers: string[], schemaId: number): Promise<void> {
  const encode = createEncoder(AVRO_SCHEMAS[TOPICS.clicks] ?? '', schemaId)
  const clickAt = (name: string, event_ts: number): Click => ({
    event_id: `by-hand-${name}`,
    event_ts,
    ingest_ts: DAY_MS,
    source: 'test',
    session_id: 'by-hand',
    user_id: null,
    event_type: 'page_view',
    item_id: null,
    page: '/',
    ip: null,
    user_agent: null,
    referrer: null,
  })
  const values = [
    ...MALFORMATION_KINDS.map((kind) => malform(kind, clickAt(kind, DAY_MS + 300_000), encode, 0.4)),
    encode(clickAt('future', Date.now() + 3_600_000)),
    encode(clickAt('late', DAY_MS)),
  ]
  const producer = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).producer()
  await producer.connect()
  try {
    const messages = values.map((value) => ({ key: 'by-hand', value, headers: THEIRS }))
    await producer.send({ topic: TOPICS.clicks, acks: -1, messages })
  } finally {
    await producer.disconnect()
  }
}
