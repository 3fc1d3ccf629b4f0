import assert from 'node:assert/strict'
import { pino } from 'pino'
import { ENDING_SOON_MS, observeAllowlist } from '../../../api/allowlist-metrics.js'
import { readAllowlistState } from '../../../db/read-models/allowlist-state.js'
import type { AnomalyRow } from '../../../db/read-models/anomalies.js'
import { Registry } from '../../../platform/metrics.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

describe('the metrics of the allowlist', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  before(async () => (database = await createMigratedDatabase('allowlist metrics')))
  after(() => database.drop())

  it('are by kind: what it covers, what is in force, and what ends soon', async () => {
    const now = new Date('2026-10-01T12:00:00Z')
    const at = (hours: number) => new Date(now.getTime() + hours * 3_600_000)
    const row = (sessionId: string, hours: number, more: Partial<AnomalyRow> = {}) =>
      anomalyRow({
        ...{ sessionId, userId: null, eventCount: 60, windowStart: at(hours), windowEnd: at(hours + 0.01) },
        ...more,
      })
    await insertAnomalies(database.db, [
      row('a', -1),
      row('a', -2, { userId: 'u', eventCount: 70 }),
      row('a', -3, { status: 'retracted' }),
      row('a', -4, { mode: 'shadow' }),
      row('a', -30), // not of the last day
      row('b', -1, { userId: 'u' }),
      row('c', -1),
    ])
    const entry = (kind: 'session' | 'user', value: string, from: number, to: number) =>
      database.db.query(
        `INSERT INTO allowlist_entries (entry_id, kind, value, reason, created_by, starts_ts, ends_ts)
             VALUES (gen_random_uuid()::text, $1, $2, 'r', 'test', $3, $4)`,
        [kind, value, at(from), at(to)],
      )
    await entry('session', 'a', -48, 1)
    await entry('session', 'c', -48, -24) // has ended before what c did
    await entry('session', 'c', 1, 48) // has not begun
    await entry('user', 'u', -48, 72)
    const registry = new Registry()
    let isAway = false
    const read = () =>
      isAway ? Promise.reject(new Error('away')) : readAllowlistState(database.db, now, ENDING_SOON_MS)
    let nowMs = 0
    observeAllowlist({ registry, read, clockMs: () => nowMs, log: pino({ level: 'silent' }) })
    const values = async () =>
      (await registry.metrics()).split('\n').filter((line) => /^guardian_allowlist.*kind="(session|user)"/.test(line))
    const counted = [
      'guardian_allowlist_entries{kind="session",state="in_force"} 1',
      'guardian_allowlist_entries{kind="session",state="ending_soon"} 1',
      'guardian_allowlist_entries{kind="user",state="in_force"} 1',
      'guardian_allowlist_entries{kind="user",state="ending_soon"} 0',
      'guardian_allowlist_suppressed_anomalies{kind="session"} 2',
      'guardian_allowlist_suppressed_anomalies{kind="user"} 2',
      'guardian_allowlist_suppressed_events{kind="session"} 130',
      'guardian_allowlist_suppressed_events{kind="user"} 130',
    ]
    assert.deepEqual(await values(), counted)
    isAway = true
    assert.deepEqual(await values(), counted, 'it is asked at most once a minute')
    nowMs = 60_001
    assert.deepEqual(await values(), [], 'what nobody knows is not told')
  })
})
