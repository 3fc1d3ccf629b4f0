import assert from 'node:assert/strict'
import { ensureDayPartition, listDayPartitions } from '../../../db/stores/partitions.js'
import { recordRunEnd, recordRunStart } from '../../../db/stores/pipeline-runs.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

describe('stores', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  beforeEach(async () => (database = await createMigratedDatabase('stores')))
  afterEach(() => database.drop())

  describe('day partitions', () => {
    const bounds = async () =>
      (await listDayPartitions(database.db)).map(({ name, from, to }) => [name, from.toISOString(), to.toISOString()])

    it('are made once, also by many at the same time, and listed oldest first in UTC', async () => {
      await ensureDayPartition(database.db, '2024-03-01')
      const made = await Promise.all([1, 2, 3, 4].map(() => ensureDayPartition(database.db, '2024-02-29')))
      assert.equal(made.filter(Boolean).length, 1)
      await database.db.query(`SET TIME ZONE 'Asia/Tokyo'`)
      assert.deepEqual(await bounds(), [
        ['anomaly_sessions_20240229', '2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
        ['anomaly_sessions_20240301', '2024-03-01T00:00:00.000Z', '2024-03-02T00:00:00.000Z'],
      ])
    })

    it('take the rows of their day, to its last millisecond; a day without one refuses its rows', async () => {
      const last = { windowStart: new Date('2026-10-01T23:59:59.999Z'), windowEnd: new Date('2026-10-02T00:00:10Z') }
      await insertAnomalies(database.db, [anomalyRow(last)])
      const { rows } = await database.db.query('SELECT a.tableoid::regclass::text AS name FROM anomaly_sessions a')
      assert.deepEqual(rows, [{ name: 'anomaly_sessions_20261001' }])
      await assert.rejects(database.db.query(`UPDATE anomaly_sessions SET window_start = '2026-10-02T00:00:00Z'`), {
        code: 'GRD_PARTITION_MISSING',
      })
    })

    it('do not queue behind a long reader: the lock is given up in time, and the next attempt makes the day', async () => {
      const reader = await database.db.checkOut()
      await reader.query('BEGIN')
      await reader.query('LOCK TABLE anomaly_sessions IN SHARE MODE')
      await assert.rejects(ensureDayPartition(database.db, '2026-10-01'), { code: 'GRD_STORE_CONFLICT' })
      await reader.query('ROLLBACK')
      reader.release()
      assert.equal(await ensureDayPartition(database.db, '2026-10-01'), true)
    })
  })

  describe('pipeline runs', () => {
    const key = { workflowId: 'w:2026-10-01', runId: 'r1' }
    const start = { ...key, workflowType: 'w', startedTs: new Date('2026-10-02Z'), details: { day: '2026-10-01' } }
    const end = { ...key, status: 'completed' as const, endedTs: new Date('2026-10-03Z'), details: { rows: 7 } }
    const stored = async () => (await database.db.query('SELECT r.* FROM pipeline_runs r')).rows

    it('are the same after one attempt and after three', async () => {
      for (let attempt = 0; attempt < 3; attempt += 1) await recordRunStart(database.db, start)
      for (let attempt = 0; attempt < 3; attempt += 1) await recordRunEnd(database.db, end)
      await recordRunStart(database.db, start)
      assert.deepEqual(await stored(), [
        {
          workflow_id: 'w:2026-10-01',
          run_id: 'r1',
          workflow_type: 'w',
          status: 'completed',
          started_ts: new Date('2026-10-02Z'),
          ended_ts: new Date('2026-10-03Z'),
          details: { day: '2026-10-01', rows: 7 },
        },
      ])
    })

    it('do not end twice in different ways, nor before they start', async () => {
      await assert.rejects(recordRunEnd(database.db, end), { code: 'GRD_BAD_INPUT' })
      await recordRunStart(database.db, start)
      await recordRunEnd(database.db, end)
      await assert.rejects(recordRunEnd(database.db, { ...end, status: 'failed' }), { code: 'GRD_BAD_INPUT' })
    })
  })
})
