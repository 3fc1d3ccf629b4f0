import assert from 'node:assert/strict'
import { upsertAnomalies, type AnomalyRow } from '../../../db/stores/anomaly-rows.js'
import {
  commitCheckpoint,
  isCommitted,
  recordDataGap,
  takePartition,
  type CheckpointWrite,
} from '../../../db/stores/checkpoints.js'
import { readCompleteness } from '../../../db/read-models/completeness.js'
import { readPartitionHistory } from '../../../db/read-models/partition-history.js'
import { recordArchiveGap, takeArchive } from '../../../db/stores/archive.js'
import { ensureDayPartition } from '../../../db/stores/partitions.js'
import { beginLog } from '../../../db/stores/topic-logs.js'
import type { Anomaly } from '../../../domain/detection/anomaly.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const NAME = { topic: 'km.clicks.v1', partition: 3 }
const NOON = Date.UTC(2026, 9, 1, 12)

const anomaly = (of: Partial<Anomaly> = {}): Anomaly => ({
  sessionId: 's1',
  userId: null,
  ruleId: 'HIGH_FREQUENCY',
  ruleVersion: 1,
  mode: 'active',
  windowStartMs: NOON,
  windowEndMs: NOON + 10_000,
  eventCount: 50,
  distinctItems: 7,
  status: 'open',
  firstOffset: 10,
  lastOffset: 70,
  asOfOffset: 70,
  producedMs: NOON + 1,
  kafkaMs: NOON + 2,
  evidence: {
    rule: { kind: 'HIGH_FREQUENCY', version: 1, parameters: {} },
    observed: { events: 50, distinct_items: 7 },
    threshold: { min_events: 50, max_distinct_items: null },
    first_event_id: 'a',
    last_event_id: 'b',
    crossed: { event_id: 'b', offset: 70, events: 50, distinct_items: 7 },
  },
  ...of,
})

const row = (of: Partial<Anomaly> = {}, detectedMs = NOON + 3): AnomalyRow => ({
  ...NAME,
  anomaly: anomaly(of),
  detectedMs,
})

const write = (of: Partial<CheckpointWrite> = {}): CheckpointWrite => ({
  ...NAME,
  recordsPerSecond: null,
  epoch: 1,
  expectedOffset: 0,
  nextOffset: 100,
  watermarkMs: NOON,
  lastAppendMs: NOON + 30_000,
  head: Buffer.from('head'),
  piece: { bytes: Buffer.from('piece'), isFull: false, expiresAtMs: NOON + 60_000 },
  counts: { accepted: 90, duplicate: 5, late: 3, dead: 2 },
  anomalies: [],
  ruleChange: undefined,
  gaps: [],
  voidOffsets: 0,
  ticks: 0,
  misplaced: { sources: [], sessions: [] },
  partitionCounts: [{ partitions: 4, fromOffset: 0 }],
  minutes: [],
  keptMinutes: { eventFromMs: NOON - 3_600_000, appendFromMs: NOON - 3_600_000 },
  ...of,
})

describe('checkpoints', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  beforeEach(async () => {
    database = await createMigratedDatabase('checkpoints')
    await ensureDayPartition(database.db, '2026-10-01')
  })
  afterEach(() => database.drop())

  const all = async () => {
    const read = async (text: string) => (await database.db.query(text)).rows
    return {
      checkpoints: await read('SELECT c.next_offset, c.owner_epoch, c.accepted, c.head FROM detector_checkpoints c'),
      pieces: await read('SELECT p.next_offset FROM detector_state_pieces p ORDER BY 1'),
      anomalies: await read('SELECT a.event_count, a.status, a.as_of_offset FROM anomaly_sessions a'),
      changes: await read('SELECT r.from_offset, r.rules FROM detector_rule_changes r ORDER BY 1'),
    }
  }

  it('give the next owner what was committed, with a higher epoch', async () => {
    const first = await takePartition(database.db, NAME, 'one', 40)
    assert.deepEqual(first, {
      epoch: 1,
      nextOffset: 40,
      lastAppendTs: null,
      partitionCounts: [],
      head: null,
      pieces: [],
    })
    await commitCheckpoint(
      database.db,
      write({ expectedOffset: 40, anomalies: [row()], ruleChange: [{ ruleId: 'x' }] }),
    )
    const second = await takePartition(database.db, NAME, 'two', 40)
    assert.deepEqual(second, {
      epoch: 2,
      nextOffset: 100,
      lastAppendTs: new Date(NOON + 30_000),
      partitionCounts: [{ partitions: 4, fromOffset: 0 }],
      head: Buffer.from('head'),
      pieces: [Buffer.from('piece')],
    })
    assert.deepEqual((await all()).changes, [{ from_offset: 100, rules: [{ ruleId: 'x' }] }])
  })

  it('are refused whole to an owner that has lost the partition, or that goes on from another offset', async () => {
    await takePartition(database.db, NAME, 'one', 0)
    await takePartition(database.db, NAME, 'two', 0)
    const before = await all()
    const zombie = write({ anomalies: [row()], ruleChange: [] })
    await assert.rejects(commitCheckpoint(database.db, zombie), { code: 'GRD_FENCED' })
    await assert.rejects(commitCheckpoint(database.db, { ...zombie, epoch: 2, expectedOffset: 7 }), {
      code: 'GRD_FENCED',
    })
    await assert.rejects(isCommitted(database.db, zombie), { code: 'GRD_FENCED' })
    await assert.rejects(recordDataGap(database.db, NAME, 1, { fromOffset: 0, toOffset: 9, cause: 'retention' }), {
      code: 'GRD_FENCED',
    })
    assert.deepEqual(await all(), before)
  })

  it('can be asked whether they are stored, when the answer was lost', async () => {
    await takePartition(database.db, NAME, 'one', 0)
    assert.equal(await isCommitted(database.db, write()), false)
    await commitCheckpoint(database.db, write())
    assert.equal(await isCommitted(database.db, write()), true)
  })

  it('keep pieces until the watermark has passed all in them, or a full one replaces them', async () => {
    await takePartition(database.db, NAME, 'one', 0)
    const step = (n: number, isFull: boolean, watermarkMs: number) =>
      commitCheckpoint(
        database.db,
        write({
          expectedOffset: (n - 1) * 100,
          nextOffset: n * 100,
          watermarkMs,
          piece: { bytes: Buffer.from([n]), isFull, expiresAtMs: NOON + n * 10_000 },
        }),
      )
    await step(1, false, NOON)
    await step(2, false, NOON + 9_999)
    assert.deepEqual((await all()).pieces, [{ next_offset: 100 }, { next_offset: 200 }])
    await step(3, false, NOON + 10_000)
    assert.deepEqual((await all()).pieces, [{ next_offset: 200 }, { next_offset: 300 }])
    await step(4, true, NOON + 10_000)
    assert.deepEqual((await all()).pieces, [{ next_offset: 400 }])
  })

  it('record a gap with its range, and go on behind it', async () => {
    await takePartition(database.db, NAME, 'one', 5)
    await recordDataGap(database.db, NAME, 1, { fromOffset: 5, toOffset: 25, cause: 'retention' })
    assert.equal((await takePartition(database.db, NAME, 'two', 0)).nextOffset, 25)
    const { rows } = await database.db.query('SELECT g.from_offset, g.to_offset FROM data_gaps g')
    assert.deepEqual(rows, [{ from_offset: 5, to_offset: 25 }])
  })

  it('record a gap at offsets that the log before had one at, too: none hides the other', async () => {
    const { db } = database
    const gap = async (toOffset: number) => {
      const { epoch } = await takePartition(db, NAME, 'one', 0)
      await recordDataGap(db, NAME, epoch, { fromOffset: 0, toOffset, cause: 'retention' })
      const archive = await takeArchive(db, NAME, 'one', 0)
      await recordArchiveGap(db, NAME, archive.epoch, { fromOffset: 0, toOffset })
    }
    const stored = async (table: 'data_gaps' | 'archive_gaps') =>
      (await db.query(`SELECT g.log, g.to_offset FROM ${table} g ORDER BY 1`)).rows
    await gap(20)
    await beginLog(db, NAME.topic)
    await gap(5)
    for (const table of ['data_gaps', 'archive_gaps'] as const)
      assert.deepEqual(await stored(table), [
        { log: 1, to_offset: 20 },
        { log: 2, to_offset: 5 },
      ])
    const { partitions } = await readCompleteness(db, 10)
    assert.deepEqual(
      partitions.map(({ inDataGaps }) => inDataGaps),
      [5],
    )
    const { dataGaps } = await readPartitionHistory(db, NAME.topic, NAME.partition)
    assert.deepEqual(dataGaps, [{ fromOffset: 0, toOffset: 5 }])
  })

  it('are refused to who had the partition in the log before, also at the offset where the new one is', async () => {
    const { db } = database
    await takePartition(db, NAME, 'one', 0)
    const late = write({ anomalies: [row()] })
    await beginLog(db, NAME.topic)
    await assert.rejects(commitCheckpoint(db, late), { code: 'GRD_FENCED' })
    assert.deepEqual(await takePartition(db, NAME, 'two', 0), {
      ...{ epoch: 2, nextOffset: 0, lastAppendTs: null, partitionCounts: [], head: null, pieces: [] },
    })
    await assert.rejects(commitCheckpoint(db, late), { code: 'GRD_FENCED' })
    await assert.rejects(isCommitted(db, late), { code: 'GRD_FENCED' })
    await beginLog(db, NAME.topic)
    assert.equal((await takePartition(db, NAME, 'three', 0)).epoch, 3)
  })

  it('move anomalies forward only, and leave the first sight of them as it was', async () => {
    const times = async () =>
      (await database.db.query('SELECT a.detected_ts, a.db_write_ts, a.produced_ts FROM anomaly_sessions a')).rows
    await upsertAnomalies(database.db, [row()])
    const first = await times()
    await upsertAnomalies(database.db, [row({ asOfOffset: 69, eventCount: 49 }, NOON + 500)])
    assert.deepEqual((await all()).anomalies, [{ event_count: 50, status: 'open', as_of_offset: 70 }])
    await upsertAnomalies(database.db, [row({ asOfOffset: 90, eventCount: 64, status: 'confirmed' }, NOON + 500)])
    assert.deepEqual((await all()).anomalies, [{ event_count: 64, status: 'confirmed', as_of_offset: 90 }])
    assert.deepEqual(await times(), first)
  })

  it('and the fast writer do not wait for each other in a circle, whatever order the rows come in', async () => {
    const sessions = Array.from({ length: 400 }, (_, i) => `session-${i}`)
    for (let asOfOffset = 1; asOfOffset <= 30; asOfOffset++) {
      const rows = sessions.map((sessionId) => row({ sessionId, asOfOffset }))
      const later = [...rows].reverse().map(({ anomaly }) => row({ ...anomaly, asOfOffset: asOfOffset + 1 }))
      await Promise.all([upsertAnomalies(database.db, rows), upsertAnomalies(database.db, later)])
    }
    assert.equal((await all()).anomalies.length, sessions.length)
  })
})
