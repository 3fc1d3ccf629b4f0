import assert from 'node:assert/strict'
import avsc, { type Schema } from 'avsc'
import kafkajs from 'kafkajs'
import { TOPICS } from '../../domain/events.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'
import { waitUntil } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import { readTopics } from '../support/dump-topic.js'
import { askBrokers } from '../support/kafka-admin.js'
import { useTestStack } from '../support/stack.js'
import type { LogEnds } from '../support/stage-topics.js'

const SEED = Number(process.env['TEST_SEED'] ?? 8_191)
const RECORDS = 60_000
const KILLS = 3
const SLOWLY = {
  FETCH_MAX_BYTES: '65536',
  FETCH_MAX_BYTES_PER_PARTITION: '16384',
  CHECKPOINT_INTERVAL_MS: '100',
  OPEN_ROW_REWRITE_MS: '20',
  KAFKA_SESSION_TIMEOUT_MS: '2000',
}

/** What a record says, as a column of the table says it; `mode` and the key of the record come with it. */
interface Change {
  readonly session_id: string
  readonly rule_id: string
  readonly mode: string
  readonly window_start: number
  readonly status: string
  readonly as_of_offset: number
}

const COLUMNS = `a.session_id, a.user_id, a.rule_id, a.rule_version, (extract(epoch FROM a.window_start) * 1000)::float8 AS window_start,
  (extract(epoch FROM a.window_end) * 1000)::float8 AS window_end, a.event_count, a.distinct_items, a.status, a.mode, a.topic,
  a.kafka_partition, a.first_offset::float8, a.last_offset::float8, a.as_of_offset::float8`

const keyOf = (change: Change): string =>
  [change.window_start, change.session_id, change.rule_id, change.mode].join('|')

describe('the changes of anomalies, as subscribers read them', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let ends: LogEnds
  let schemaId: number

  before(async () => {
    stage = await DetectionStage.open(servers())
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    schemaId = schemas.find(({ subject }) => subject === `${TOPICS.anomalies}-value`)?.id ?? 0
    const day = ['simulate', '--day', '2026-01-14', '--events', String(RECORDS), '--duration', '300s']
    await stage.ask([...day, '--seed', String(SEED)])
    ends = await stage.logEnds()
  })
  after(() => stage.close())

  /** How many records a test finds of those before it, so that it can leave them out. */
  let seen = new Map<number, number>()

  /** What was published since the last call, by Kafka partition, in order. */
  async function published(): Promise<Change[]> {
    const type = avsc.Type.forSchema(JSON.parse(AVRO_SCHEMAS[TOPICS.anomalies] ?? '') as Schema, { wrapUnions: false })
    const records = await readTopics(stage.brokers, [TOPICS.anomalies])
    const before = seen
    seen = new Map()
    const partitions = new Map<string, number>()
    return records.flatMap(({ key, value, partition, offset }) => {
      seen.set(partition, offset)
      if (offset <= (before.get(partition) ?? -1)) return []
      const bytes = Buffer.from(value ?? '', 'base64')
      assert.equal(bytes[0], 0)
      assert.equal(bytes.readInt32BE(1), schemaId)
      const change = { ...(type.fromBuffer(bytes.subarray(5)) as object) } as Change
      assert.equal(Buffer.from(key ?? '', 'base64').toString(), change.session_id)
      assert.equal(partitions.get(change.session_id) ?? partition, partition, 'a session stays on one partition')
      partitions.set(change.session_id, partition)
      return [change]
    })
  }

  async function assertLastIsTheRow(changes: readonly Change[]): Promise<void> {
    const last = new Map(changes.map((change) => [keyOf(change), change]))
    const { rows } = await stage.db.query<Change>(`SELECT ${COLUMNS} FROM anomaly_sessions a`)
    assert.ok(rows.length > 20, `${rows.length} anomalies`)
    const sorted = (all: Iterable<Change>) => [...all].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    assert.deepEqual(sorted(last.values()), sorted(rows))
  }

  it('are one record each, in order, from open to closed, and the last is the row', async () => {
    await stage.finish(stage.startDetector(SLOWLY), ends)
    const changes = await published()
    await assertLastIsTheRow(changes)
    const byKey = grouped(changes)
    for (const [key, versions] of byKey) {
      assert.equal(versions[0]?.status, 'open', `${key} is raised first`)
      versions.reduce((earlier, later) => {
        assert.ok(later.as_of_offset > earlier.as_of_offset, `${key}: no repeat without a crash, and none goes back`)
        return later
      })
      for (const version of versions.slice(0, -1)) assert.equal(version.status, 'open')
    }
    const closed = changes.filter(({ status }) => status !== 'open')
    assert.ok(
      closed.some(({ status }) => status === 'confirmed') && closed.some(({ status }) => status === 'retracted'),
    )
    console.log(`      seed ${SEED}; ${changes.length} changes of ${byKey.size} anomalies`)
  })

  it('while Kafka takes none, rows are in PostgreSQL at once, and no checkpoint passes what was not published', async () => {
    await stage.freshDatabase()
    await takeRecordsOf(stage.brokers, '10')
    const settings = { ...SLOWLY, DETECTOR_GROUP_ID: `feed-${process.pid}`, MAX_QUEUED_ANOMALY_CHANGES: '100' }
    const waiting = stage.startDetector(settings)
    const first = async () => {
      const { rows } = await stage.db.query<{ partition: number; first: number; next: number }>(
        `SELECT a.kafka_partition AS partition, min((a.evidence->'crossed'->>'offset')::float8) AS first,
                max(c.next_offset)::float8 AS next
           FROM anomaly_sessions a JOIN detector_checkpoints c USING (topic, kafka_partition) GROUP BY 1`,
      )
      return rows
    }
    await waitUntil(
      () => waiting.output,
      60_000,
      async () => (await first()).length === 4,
    )
    await new Promise((resolve) => setTimeout(resolve, 1_000)) // ten checkpoint intervals
    const stood = await first()
    for (const { partition, first, next } of stood)
      assert.ok(next <= first, `partition ${partition}: ${next} is not beyond the unpublished ${first}`)
    await waiting.kill()
    await takeRecordsOf(stage.brokers, '1048576')
    await stage.finish(stage.startDetector(settings), ends)
    await assertLastIsTheRow(await published())
  })

  it(`are complete when the process is killed ${KILLS} times on the way, and the last is the row`, async () => {
    await stage.freshDatabase()
    const settings = { ...SLOWLY, DETECTOR_GROUP_ID: `feed-killed-${process.pid}` }
    for (let kill = 1; kill <= KILLS; kill++) {
      const detector = stage.startDetector(settings)
      await waitUntil(
        () => detector.output,
        60_000,
        async () => (await stage.processed()) >= (RECORDS * kill) / (KILLS + 2),
        2,
      )
      await detector.kill()
    }
    await stage.finish(stage.startDetector(settings), ends)
    const changes = await published()
    await assertLastIsTheRow(changes)
    const versions = new Set(changes.map((change) => `${keyOf(change)}|${change.as_of_offset}`))
    console.log(`      ${changes.length} records, ${changes.length - versions.size} of them repeats`)
  })
})

function grouped(changes: readonly Change[]): Map<string, Change[]> {
  const groups = new Map<string, Change[]>()
  for (const change of changes) groups.set(keyOf(change), [...(groups.get(keyOf(change)) ?? []), change])
  return groups
}

/** A topic that takes only records of a few bytes refuses whatever is sent to it. */
const takeRecordsOf = (brokers: string[], bytes: string): Promise<void> =>
  askBrokers(brokers, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: TOPICS.anomalies,
          configEntries: [
            { name: 'max.message.bytes', value: bytes },
            { name: 'message.timestamp.type', value: 'LogAppendTime' },
          ],
        },
      ],
    }),
  )
