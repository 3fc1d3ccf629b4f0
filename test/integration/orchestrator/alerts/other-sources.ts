import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { TOPICS } from '../../../../domain/events.js'
import type { AlertStage } from '../../../support/alert-stage.js'
import { insertBursts } from '../../../support/bursts.js'

const { clicks } = TOPICS

/** What is watched besides dead letters. */
export function otherSources(open: () => AlertStage): void {
  let stage: AlertStage
  before(() => (stage = open()))

  it('tells of gaps, failed runs, differences, bursts, lag, schedules that do not run; each happening once', async () => {
    const { db } = stage.stage
    const before = (await stage.history()).length
    await db.query(`UPDATE alert_watches SET watched_until = now() - interval '10 minutes'`)
    await db.query(
      `INSERT INTO data_gaps (topic, kafka_partition, from_offset, to_offset, detected_ts, cause)
       VALUES ($1, 0, 5, 45, now() - interval '5 minutes', 'retention')`,
      [clicks],
    )
    await db.query(
      `INSERT INTO pipeline_runs (workflow_id, run_id, workflow_type, status, started_ts, ended_ts, details)
       VALUES ('daily-kpi:2026-10-01', 'r1', 'dailyKpi', 'failed', now() - interval '6 minutes',
               now() - interval '5 minutes', '{"reason": "no archive"}')`,
    )
    await db.query(
      `INSERT INTO reconciliations (day, expected_rows, stored_rows, missing, extra, different, reconciled_ts)
       VALUES ('2026-10-01', 9, 8, 1, 0, 0, now() - interval '5 minutes'),
              ('2026-10-02', 9, 9, 0, 0, 0, now() - interval '5 minutes')`,
    )
    await db.query(
      `INSERT INTO pipeline_runs (workflow_id, run_id, workflow_type, status, started_ts, ended_ts, details)
       VALUES ('reconcile:2026-10-01', 'r2', 'reconcile', 'failed', now() - interval '6 minutes',
               now() - interval '4 minutes', '{"day": "2026-10-01", "reason": "1 missing"}')`,
    )
    await db.query(
      `INSERT INTO archive_gaps (topic, kafka_partition, from_offset, to_offset, detected_ts)
       VALUES ($1, 1, 5, 45, now() - interval '5 minutes')`,
      [clicks],
    )
    await insertBursts(db, clicks)
    const at = new Date().toISOString()
    const crashing = { name: 'archiver', status: 'restarting', crashes: 5, cause: 'exit code 1' }
    const states = { processes: [{ ...crashing, since_ts: at, last_crash_ts: at }] }
    writeFileSync(stage.processStates, JSON.stringify(states))
    await db.query(
      `INSERT INTO event_collisions (topic, kafka_partition, log, next_offset, events, sample_offset, detected_ts)
       VALUES ($1, 0, 1, 100, 3, 77, now() - interval '5 minutes')`,
      [clicks],
    )
    await db.query(
      `INSERT INTO kpi_quarantine (dataset, kafka_partition, kafka_offset, event_ts, topic, day, event_id, session_id, reason, fields, state)
       SELECT 'purchases', 0, n, '2026-10-01', 'km.purchases.v1', '2026-10-01', 'e', 's', 'UNITS_OVERFLOW', '{}', state
         FROM (VALUES (1, 'quarantined'), (2, 'dropped'), (3, 'released')) v (n, state)`,
    )
    await db.query(
      `INSERT INTO alert_looks (look_id, decided_ts) VALUES ('of long ago', now() - interval '91 days'),
              ('of the day before', now() - interval '89 days')`,
    )
    await stage.stage.ask(['simulate', '--day', '2026-01-10', '--events', '50', '--duration', '10s'])
    await new Promise((resolve) => setTimeout(resolve, 1_100)) // the records have to be older than the limit
    const first = await stage.watch()
    assert.deepEqual(first.unreadable, [])
    const told = (await stage.history()).slice(before).map(({ fingerprint, severity }) => `${fingerprint} ${severity}`)
    for (const expected of [
      `data-gaps:${clicks}:0:retention critical`,
      `data-gaps:${clicks}:1:not_archived critical`,
      'pipeline-runs:dailyKpi warning',
      'reconciliation:2026-10-01 critical',
      `detector-lag:${clicks} warning`,
      `archiver-lag:${clicks} warning`,
      'anomaly-burst:BOT_LIKE critical',
      'anomaly-burst:HIGH_FREQUENCY warning',
      'schedules:dlq-alert warning',
      `event-collisions:${clicks} warning`,
      'quarantine:km.purchases.v1 warning',
      'process-crashes:archiver critical',
    ])
      assert.ok(told.includes(expected), `${expected} in ${told.join(', ')}`)
    assert.ok(!told.some((one) => /pipeline-runs:reconcile|reconciliation:2026-10-02/.test(one)), told.join(', '))
    const { rows } = await db.query<{ look_id: string }>(`SELECT * FROM alert_looks WHERE look_id LIKE 'of %'`)
    assert.deepEqual(
      rows.map(({ look_id }) => look_id),
      ['of the day before'],
    )
    rmSync(stage.processStates)
    await stage.delivered()
    await db.query(
      `INSERT INTO archive_checkpoints (topic, kafka_partition, owner_epoch, owner, next_offset)
       SELECT $1, p, 1, 'an archiver that is ahead', 1000000 FROM generate_series(0, 99) p`,
      [clicks],
    )
    const again = await stage.watch()
    assert.deepEqual(again.sent, [])
    const looks = async (fingerprint: string) =>
      (await stage.history()).filter((entry) => entry.fingerprint === fingerprint).length
    assert.deepEqual([await looks(`detector-lag:${clicks}`), await looks(`archiver-lag:${clicks}`)], [2, 1])
    const repeated = (await stage.history()).filter(({ fingerprint }) =>
      /^(data-gaps|pipeline-runs|reconciliation|anomaly-burst|event-collisions):/.test(fingerprint),
    )
    assert.equal(repeated.length, 7)
  })

  it('tells of a source that does not answer, and goes on with the others', async () => {
    await stage.stage.db.query('ALTER TABLE data_gaps RENAME TO data_gaps_away')
    const { unreadable, sent } = await stage.watch()
    await stage.stage.db.query('ALTER TABLE data_gaps_away RENAME TO data_gaps')
    assert.deepEqual([unreadable, sent.length], [['data-gaps'], 1])
    await stage.delivered()
    assert.match(stage.lastText(), /Alerts about data-gaps are not evaluated/)
  })
}
