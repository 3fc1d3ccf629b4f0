import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { AnomalyRow } from '../../../../db/stores/anomaly-rows.js'
import { createDecoder } from '../../../../platform/avro/codec.js'
import type { OutgoingRecord } from '../../../../platform/kafka/producer.js'
import { PlatformError } from '../../../../platform/platform-error.js'
import { AVRO_SCHEMAS } from '../../../../schemas/avro-schemas.js'
import { AnomalyFeed } from '../../../../workers/detector/anomaly-feed.js'

const SCHEMA = AVRO_SCHEMAS['km.anomalies.v1'] ?? ''
const decode = createDecoder(SCHEMA, SCHEMA)

const change = (
  asOfOffset: number,
  status: AnomalyRow['anomaly']['status'] = 'open',
  of: { sessionId?: string; partition?: number } = {},
): AnomalyRow => ({
  topic: 'km.clicks.v1',
  partition: of.partition ?? 0,
  detectedMs: 0,
  anomaly: {
    sessionId: of.sessionId ?? 's',
    userId: null,
    ruleId: 'R',
    ruleVersion: 1,
    mode: 'active',
    windowStartMs: 1_000,
    windowEndMs: 11_000,
    eventCount: 5,
    distinctItems: 2,
    status,
    firstOffset: 1,
    lastOffset: asOfOffset,
    asOfOffset,
    producedMs: 0,
    kafkaMs: 0,
    evidence: {} as AnomalyRow['anomaly']['evidence'],
  },
})

/** A producer whose sends the test ends. */
function openFeed(schemaIdOf: () => Promise<number> = () => Promise.resolve(7)) {
  const sends: { said: string[]; records: readonly OutgoingRecord[]; end: (error?: Error) => void }[] = []
  const feed = new AnomalyFeed({
    producer: {
      send: (records) =>
        new Promise((resolve, reject) => {
          const said = records.map(({ value }) => {
            const { session_id, as_of_offset, status } = decode(value ?? Buffer.alloc(0)) as Record<string, unknown>
            return `${String(session_id)} ${String(as_of_offset)} ${String(status)}`
          })
          sends.push({ said, records, end: (error) => (error ? reject(error) : resolve()) })
        }),
    },
    schemaIdOf,
    maxQueuedChanges: 3,
    observer: { published: () => undefined },
    log: pino({ level: 'silent' }),
  })
  return { feed, sends }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

describe('the feed of anomalies', () => {
  it('sends a change that comes at any moment after the last send has ended', async () => {
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const { feed, sends } = openFeed()
      void feed.add([change(1)])
      await turn()
      sends[0]?.end()
      for (let i = 0; i < microtasks; i++) await Promise.resolve()
      void feed.add([change(2, 'confirmed')])
      await turn()
      assert.equal(sends.length, 2, `${microtasks} microtasks later`)
    }
  })

  it('sends each change in Confluent format with the session as key, and resolves when it is acknowledged', async () => {
    const { feed, sends } = openFeed()
    let acknowledged = 0
    void feed.add([change(3), change(9, 'confirmed')]).then(() => acknowledged++)
    await turn()
    assert.deepEqual(sends[0]?.said, ['s 3 open', 's 9 confirmed'])
    const [record] = sends[0].records
    assert.equal(record?.key, 's')
    assert.equal(record.topic, 'km.anomalies.v1')
    assert.deepEqual(record.value?.subarray(0, 5), Buffer.from([0, 0, 0, 0, 7]))
    assert.equal(acknowledged, 0)
    assert.equal(feed.queuedChanges, 2)
    sends[0].end()
    await turn()
    assert.equal(acknowledged, 1)
    assert.equal(feed.queuedChanges, 0)
  })

  it('tells once of an open anomaly that changes while its record waits, and never lets a closed one go back', async () => {
    const { feed, sends } = openFeed()
    void feed.add([change(1)])
    await turn()
    let acknowledged = 0
    void feed.add([change(2)]).then(() => acknowledged++)
    void feed.add([change(2, 'open', { sessionId: 'other' })])
    void feed.add([change(3)])
    void feed.add([change(4, 'retracted')])
    void feed.add([change(5)])
    sends[0]?.end()
    await turn()
    assert.equal(acknowledged, 0, 'the first send was not of this change')
    assert.deepEqual(sends[1]?.said, ['s 3 open', 'other 2 open', 's 4 retracted', 's 5 open'])
    sends[1].end()
    await turn()
    assert.equal(acknowledged, 1)
  })

  it('is full at its limit, also with what is under way', async () => {
    const { feed } = openFeed()
    void feed.add([change(1), change(1, 'open', { sessionId: 'b' })])
    await turn()
    assert.equal(feed.isFull, false)
    void feed.add([change(2)])
    assert.equal(feed.isFull, true)
  })

  it('forgets what waits of a partition that has gone, and nothing else', async () => {
    const { feed, sends } = openFeed()
    void feed.add([change(1)])
    await turn()
    let settled = 0
    void feed.add([change(2, 'confirmed', { partition: 1 })]).then(() => settled++)
    void feed.add([change(2, 'confirmed')]).then(() => settled++)
    feed.drop('km.clicks.v1', 1)
    sends[0]?.end()
    await turn()
    assert.equal(settled, 0, 'what was added later is not acknowledged by what was forgotten')
    assert.deepEqual(sends[1]?.said, ['s 2 confirmed'])
    sends[1].end()
    await turn()
    assert.equal(settled, 2)
  })

  it('fails every change from the first on that Kafka did not take: none may be passed by a checkpoint', async () => {
    const { feed, sends } = openFeed()
    const first = feed.add([change(1)])
    const refused = assert.rejects(first, /gone/)
    await turn()
    const second = assert.rejects(feed.add([change(2)]), /gone/)
    sends[0]?.end(new PlatformError('KAFKA_UNAVAILABLE', 'gone'))
    await Promise.all([refused, second])
    await assert.rejects(feed.add([change(3)]), /gone/)
  })

  it('waits while the registry is away, and fails when it refuses the schema', async function () {
    this.timeout(5_000)
    let asked = 0
    const { feed, sends } = openFeed(() =>
      asked++ === 0 ? Promise.reject(new PlatformError('REGISTRY_UNAVAILABLE', 'away')) : Promise.resolve(7),
    )
    void feed.add([change(1)])
    await turn()
    assert.equal(feed.queuedChanges, 1)
    while (sends.length === 0) await turn()
    assert.deepEqual(sends[0]?.said, ['s 1 open'])
    const other = openFeed(() => Promise.reject(new PlatformError('REGISTRY_REFUSED', 'not compatible')))
    await assert.rejects(other.feed.add([change(1)]), /not compatible/)
  })
})
