import assert from 'node:assert/strict'
import { MockActivityEnvironment } from '@temporalio/testing'
import {
  createPartitionActivities,
  type DroppedDay,
  type PartitionDeps,
} from '../../../activities/partitions/partition-activities.js'
import { detachDay, dropDetachedDay, listDayTables, readDayArchival } from '../../../db/stores/day-tables.js'
import { ensureDayPartition, listDayPartitions } from '../../../db/stores/partitions.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const DAY = parseUtcDay('2026-08-01')
const OLDEST_KEPT = '2026-09-01'
const LOCK_TIMEOUT_MS = 150
const at = (time: string) => new Date(`${DAY}T${time}Z`)
const row = (asOfOffset: number) =>
  anomalyRow({ windowStart: at('12:00:00'), windowEnd: at('12:00:10'), asOfOffset, dbWriteTs: at('12:00:09') })

describe('a day that is dropped', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let deps: PartitionDeps

  beforeEach(async () => {
    database = await createMigratedDatabase('day_tables')
    const { db } = database
    deps = {
      listDayPartitions: () => listDayPartitions(db),
      ensureDayPartition: (day) => ensureDayPartition(db, day),
      listDayTables: () => listDayTables(db),
      readDayArchival: (day) => readDayArchival(db, day),
      detachDay: (day) => detachDay(db, day, LOCK_TIMEOUT_MS),
      dropDetachedDay: (day, heldBy) => dropDetachedDay(db, day, LOCK_TIMEOUT_MS, heldBy),
      settledDays: 7,
      now: () => Date.parse('2026-10-01Z'),
    }
    await insertAnomalies(db, [row(70)])
  })
  afterEach(() => database.drop())

  const readTo = async (detector: number, archive: number) => {
    for (const [table, offset] of [
      ['detector_checkpoints', detector],
      ['archive_checkpoints', archive],
    ] as const)
      await database.db.query(
        `INSERT INTO ${table} (topic, kafka_partition, owner_epoch, owner, next_offset) VALUES ('km.clicks.v1', 0, 1, 'o', $1)
         ON CONFLICT (topic, kafka_partition) DO UPDATE SET next_offset = excluded.next_offset`,
        [offset],
      )
  }
  const drop = (more: Partial<PartitionDeps> = {}): Promise<DroppedDay> => {
    const { dropDay } = createPartitionActivities({ ...deps, ...more })
    const input = { day: DAY, oldestKept: OLDEST_KEPT }
    return new MockActivityEnvironment().run<[typeof input], DroppedDay, typeof dropDay>(dropDay, input)
  }
  const expired = (before: string): Promise<readonly string[]> => {
    const { listExpiredDays } = createPartitionActivities(deps)
    return new MockActivityEnvironment().run<[{ before: string }], string[], typeof listExpiredDays>(listExpiredDays, {
      before,
    })
  }
  const states = async () => (await listDayTables(database.db)).map(({ day, state }) => [day, state])
  const rows = async () => (await database.db.query('SELECT a.session_id FROM anomaly_sessions a')).rowCount
  /** A transaction that has the table in hand. */
  const read = async () => {
    const reader = await database.db.checkOut()
    await reader.query('BEGIN')
    await reader.query('SELECT count(*) FROM anomaly_sessions')
    return async () => {
      await reader.query('ROLLBACK')
      reader.release()
    }
  }
  const detachUnderReader = async () => {
    const end = await read()
    await assert.rejects(detachDay(database.db, DAY, LOCK_TIMEOUT_MS), { code: 'GRD_STORE_CONFLICT' })
    return end
  }

  it('is archived; else it stays, with the reason, whatever the detector or the archive do not know', async () => {
    assert.deepEqual(await drop(), { state: 'held', reason: 'not_archived' })
    await readTo(71, 70)
    assert.deepEqual(await drop(), { state: 'held', reason: 'not_archived' })
    await readTo(70, 70)
    assert.deepEqual(
      await drop(),
      { state: 'held', reason: 'not_archived' },
      'the row is of a record that is not archived',
    )
    await readTo(71, 71)
    await database.db.query(
      `INSERT INTO archive_gaps (topic, kafka_partition, from_offset, to_offset) VALUES ('km.clicks.v1', 0, 60, 62)`,
    )
    assert.deepEqual(await drop(), { state: 'held', reason: 'archive_gap' })
    assert.equal(await rows(), 1)
    await database.db.query('UPDATE archive_gaps SET from_offset = 2, to_offset = 5')
    assert.deepEqual(await drop(), { state: 'dropped', rows: 1 })
    assert.deepEqual([await states(), await drop()], [[], { state: 'gone' }])
  })

  it('is not touched while a long transaction has the table in hand', async () => {
    await readTo(71, 71)
    const end = await read()
    await new Promise((resolve) => setTimeout(resolve, LOCK_TIMEOUT_MS + 50))
    await assert.rejects(drop(), { type: 'GRD_STORE_CONFLICT' })
    assert.deepEqual(await states(), [[DAY, 'attached']])
    await end()
    assert.deepEqual(await drop(), { state: 'dropped', rows: 1 })
  })

  it('is dropped by the next attempt when one was interrupted on the way, and other days can be written meanwhile', async () => {
    await readTo(71, 71)
    const end = await detachUnderReader()
    assert.deepEqual(await states(), [[DAY, 'detaching']])
    await assert.rejects(ensureDayPartition(database.db, DAY), { code: 'GRD_STORE_CONFLICT' })
    await insertAnomalies(database.db, [anomalyRow({ windowStart: new Date('2026-09-05T00:00:00Z') })])
    await assert.rejects(drop(), { type: 'GRD_STORE_CONFLICT' }, 'the reader is still there')
    await end()
    const found = await expired(OLDEST_KEPT)
    assert.deepEqual([found, await drop()], [[DAY], { state: 'dropped', rows: 1 }])
    assert.deepEqual(await states(), [['2026-09-05', 'attached']])
  })

  it('is found again when the crash came after it was detached', async () => {
    await readTo(71, 71)
    await detachDay(database.db, DAY, LOCK_TIMEOUT_MS)
    assert.deepEqual(await states(), [[DAY, 'detached']])
    const found = await expired('2020-01-01')
    assert.deepEqual([found, await drop()], [[DAY], { state: 'dropped', rows: 1 }])
  })

  it('is put back, with every row, when rows came that are not archived', async () => {
    await readTo(71, 71)
    const late = {
      detachDay: async () => {
        await insertAnomalies(database.db, [{ ...row(90), sessionId: 's2' }])
        await detachDay(database.db, DAY, LOCK_TIMEOUT_MS)
      },
    }
    assert.deepEqual(await drop(late), { state: 'held', reason: 'not_archived' })
    assert.deepEqual([await states(), await rows()], [[[DAY, 'attached']], 2])
  })

  it('is attached again, with every row, by whoever writes to it before it is dropped', async () => {
    await detachDay(database.db, DAY, LOCK_TIMEOUT_MS)
    assert.equal(await rows(), 0)
    assert.equal(await ensureDayPartition(database.db, DAY), true)
    assert.equal(await rows(), 1)
  })
})
