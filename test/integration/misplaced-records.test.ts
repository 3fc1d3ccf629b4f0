import assert from 'node:assert/strict'
import { pino } from 'pino'
import { findFreePorts } from '../../deploy/local/ports.js'
import { TOPICS } from '../../domain/events.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { createKafka } from '../../platform/kafka/client.js'
import { keyPartition } from '../../platform/kafka/key-partition.js'
import { startProducer } from '../../platform/kafka/producer.js'
import { AVRO_SCHEMAS, subjectOf } from '../../schemas/avro-schemas.js'
import type { AnomalyList } from '../../schemas/rest/anomalies.js'
import { asAdmin } from '../support/api-keys.js'
import { waitUntil } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import { readTopics } from '../support/dump-topic.js'
import { askBrokers } from '../support/kafka-admin.js'
import { produceCase } from '../support/produce-case.js'
import { startStageApi, type StageApi } from '../support/stage-api.js'
import { useTestStack } from '../support/stack.js'

const { clicks } = TOPICS
const CLICKS = AVRO_SCHEMAS[clicks] ?? ''
const PARTITIONS = 4
const HOME = keyPartition('k4-s', PARTITIONS)
const [AWAY = 0, ELSEWHERE = 0] = [0, 1, 2, 3].filter((partition) => partition !== HOME)

describe('records that are not on the partition of their session', function () {
  this.timeout(180_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let api: StageApi
  let schemaId: number

  before(async () => {
    stage = await DetectionStage.open(servers(), { KAFKA_PARTITIONS: String(PARTITIONS) })
    const registry = new RegistryClient({ url: servers().schemaRegistryUrl, timeoutMs: 30_000 })
    schemaId = await registry.register(subjectOf(clicks), CLICKS)
  })
  beforeEach(async () => {
    await stage.freshTopics()
    api = await startStageApi(stage)
  })
  afterEach(async () => {
    await api.stop()
    await stage.endProcesses()
  })
  after(() => stage.close())

  const produce = (of: Partial<Parameters<typeof produceCase>[0]>) =>
    produceCase({ brokers: stage.brokers, file: 'k4-split.jsonl', schema: CLICKS, schemaId, ...of })
  const decided = async () =>
    waitUntil(
      () => 'every record is behind a checkpoint',
      30_000,
      async () => (await stage.processed()) >= [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0),
    )
  /** The API keeps its answer for a second. */
  const misplaced = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    return (await api.stats()).misplaced.map(({ topic, source, misplaced, keyless }) => [
      topic,
      source,
      misplaced,
      keyless,
    ])
  }
  const anomalies = async () => {
    const response = await fetch(`${api.url}/anomalies`, { headers: asAdmin })
    return ((await response.json()) as AnomalyList).data
  }

  it('counts a session that is split over partitions, by its producer, each record once whatever is killed', async () => {
    const detector = stage.startDetector()
    await produce({ partition: HOME })
    await produce({ partition: AWAY, prefix: 'a' })
    await decided()
    await detector.kill()
    await produce({ partition: ELSEWHERE, prefix: 'b', to: 10 })
    const [metricsPort] = await findFreePorts(1)
    const next = stage.startDetector({ DETECTOR_METRICS_PORT: String(metricsPort) })
    await decided()
    assert.deepEqual(await misplaced(), [[clicks, 'bugcase', 40, 0]])
    const metrics = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    await waitUntil(
      () => next.output,
      5_000,
      async () => /misplaced_records_total\{[^}]*source="bugcase"[^}]*\} 10/.test(await metrics()),
    )
  })

  it('marks the anomalies of such a session, on its own partition and on the other one', async () => {
    stage.startDetector()
    const eventTs = Date.now()
    for (const prefix of ['a', 'b']) await produce({ partition: AWAY, eventTs, prefix })
    await decided()
    assert.deepEqual(
      (await anomalies()).map((one) => [one.rule_id, one.kafka_partition, one.incomplete]),
      [['HIGH_FREQUENCY', AWAY, true]],
    )
    const { rows } = await stage.db.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM misplaced_sessions m WHERE m.session_id = 'k4-s' AND m.records = 60`,
    )
    assert.equal(rows[0]?.n, 1)
    // The row is one for each session, rule and window: of the two partitions, the one with the later offset has it.
    for (const prefix of ['c', 'd', 'e']) await produce({ partition: HOME, eventTs, prefix })
    await decided()
    await waitUntil(
      () => 'the row of its own partition',
      10_000,
      async () => (await anomalies()).some((one) => one.kafka_partition === HOME && one.incomplete),
    )
    for (const prefix of ['f', 'g']) await produce({ partition: HOME, eventTs: eventTs - 20_000, prefix })
    await decided()
    const later = (await anomalies()).filter((one) => Date.parse(one.window_end) <= eventTs)
    assert.deepEqual(
      later.map(({ incomplete }) => incomplete),
      [false],
      'a window without misplaced events is whole',
    )
  })

  it('counts records without a key, wherever they are', async () => {
    stage.startDetector()
    const sent = await produce({ withKey: false })
    await decided()
    const [[, source, , keyless] = []] = await misplaced()
    assert.deepEqual([source, keyless], ['bugcase', sent])
  })

  it('after partitions were added, a producer uses them within seconds, and nothing of it is misplaced', async () => {
    const log = pino({ level: 'silent' })
    const kafka = createKafka({ brokers: stage.brokers, clientId: 'test', requestTimeoutMs: 10_000 }, log)
    const { value: producer, stop } = await startProducer(kafka, {}, log)
    stage.startDetector()
    try {
      await produce({}) // the template of the records below
      await decided()
      const [record] = await readTopics(stage.brokers, [clicks])
      const value = Buffer.from(record?.value ?? '', 'base64')
      const key =
        ['a', 'b', 'c', 'd', 'e'].find((one) => keyPartition(one, PARTITIONS) !== keyPartition(one, 2 * PARTITIONS)) ??
        ''
      const home = keyPartition(key, PARTITIONS)
      await producer.send([{ topic: clicks, key, value }])
      await askBrokers(stage.brokers, (admin) =>
        admin.createPartitions({ topicPartitions: [{ topic: clicks, count: 2 * PARTITIONS }] }),
      )
      const wanted = keyPartition(key, 2 * PARTITIONS)
      const ends = async (): ReturnType<typeof stage.logEnds> => {
        for (;;) {
          const found = await stage.logEnds().catch(() => undefined) // a new partition has no leader yet
          if (found) return found
        }
      }
      const at = async (partition: number) => (await ends()).get(`${clicks}/${partition}`) ?? 0
      await waitUntil(
        () => 'the session is on its new partition',
        30_000,
        async () => {
          await producer.send([{ topic: clicks, key, value }])
          return (await at(wanted)) > 0
        },
        500,
      )
      const before = await at(home)
      for (let i = 0; i < 5; i++) await producer.send([{ topic: clicks, key, value }])
      assert.equal(await at(home), before)
    } finally {
      await stop()
    }
  })
})
