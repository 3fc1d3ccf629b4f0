import assert from 'node:assert/strict'
import { WorkflowFailedError, type Client, type WorkflowHandle } from '@temporalio/client'
import { ensureDayPartition, listDayPartitions } from '../../../db/stores/partitions.js'
import { addDays, utcDayOf } from '../../../domain/utc-day.js'
import { connectTemporal } from '../../../workers/orchestrator/temporal-connection.js'
import { writeWorkflowBundle } from '../../../workers/orchestrator/workflow-bundle.js'
import {
  WORKFLOWS,
  type PartitionMaintenanceInput,
  type PartitionMaintenanceResult,
} from '../../../workflows/contract.js'
import { createLogger } from '../../../platform/logger.js'
import { ServiceProcess, waitUntil } from '../../support/child-process.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { useTestStack } from '../../support/stack.js'
import {
  openTemporalClient,
  quietTemporal,
  removeSchedule,
  type TemporalClient,
} from '../../support/temporal-client.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const { type, taskQueue, scheduleId, workflowId } = WORKFLOWS.partitionMaintenance

interface RunRow {
  readonly workflow_id: string
  readonly status: string
  readonly details: Record<string, unknown>
}

describe('partition maintenance', function () {
  this.timeout(120_000)
  const stack = useTestStack('postgres', 'temporal')
  let database: MigratedDatabase
  let temporal: TemporalClient
  let client: Client
  let orchestrator: ServiceProcess
  let env: Record<string, string>

  const start = async (more: Record<string, string> = {}) => {
    orchestrator = new ServiceProcess('workers/orchestrator/main.js', { ...env, ...more })
    await waitUntil(
      () => orchestrator.output,
      60_000,
      () => Promise.resolve(orchestrator.output.includes('orchestrator_started')),
    )
  }
  const runs = async () =>
    (
      await database.db.query<RunRow>(
        'SELECT r.workflow_id, r.status, r.details FROM pipeline_runs r ORDER BY r.started_ts',
      )
    ).rows
  const days = async () => (await listDayPartitions(database.db)).map(({ from }) => utcDayOf(from.getTime()))
  const lastOfSchedule = async (): Promise<WorkflowHandle & { readonly runId: string }> => {
    const { info } = await client.schedule.getHandle(scheduleId).describe()
    const action = info.recentActions.at(-1)?.action
    assert.ok(action, 'the schedule has started nothing')
    const { workflowId, firstExecutionRunId: runId } = action.workflow
    return Object.assign(client.workflow.getHandle(workflowId, runId), { runId })
  }
  const runFor = (day: string, input: Partial<PartitionMaintenanceInput> = {}) =>
    client.workflow.execute(type, {
      taskQueue,
      workflowId: `partition-maintenance:${day}`,
      args: [{ daysAhead: 2, retentionDays: 30, day, ...input }],
    }) as Promise<PartitionMaintenanceResult>

  before(async () => {
    quietTemporal()
    await writeWorkflowBundle()
    database = await createMigratedDatabase('orchestrator')
    temporal = await openTemporalClient(stack().temporalAddress)
    client = temporal.client
    await removeSchedule(client, scheduleId)
    env = {
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: stack().temporalAddress,
      KAFKA_BROKERS: '127.0.0.1:1', // only the figures of a day ask it
      ARCHIVE_URL: `file://${stack().dataDir}/archive`,
      SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
      ORCHESTRATOR_METRICS_PORT: '0',
      SHUTDOWN_DEADLINE_MS: '4000',
      PG_LOCK_TIMEOUT_MS: '200',
      PARTITION_LOCK_TIMEOUT_MS: '200',
      GUARDIAN_DATA_DIR: '/nonexistent',
    }
    await start()
  })
  after(async () => {
    if (orchestrator.isRunning) await orchestrator.kill()
    await removeSchedule(client, scheduleId)
    for (const one of [WORKFLOWS.dlqAlert, WORKFLOWS.alertWatch]) await removeSchedule(client, one.scheduleId)
    await temporal.close()
    await database.drop()
  })

  it('is scheduled for 00:10 UTC, skips overlaps, and makes up for no more than a day', async () => {
    const { spec, policies, action, info } = await client.schedule.getHandle(scheduleId).describe()
    assert.deepEqual([spec.calendars?.[0]?.hour[0]?.start, spec.calendars?.[0]?.minute[0]?.start], [0, 10])
    assert.match(info.nextActionTimes[0]?.toISOString() ?? '', /T00:10:00\.000Z$/)
    assert.deepEqual([policies.overlap, policies.catchupWindow], ['SKIP', 86_400_000])
    assert.deepEqual([action.workflowType, action.taskQueue], [type, 'ops'])
  })

  it('has run at once: today and the next seven days have a partition; a second run changes nothing', async () => {
    const first = await lastOfSchedule()
    const result = (await first.result()) as PartitionMaintenanceResult
    assert.match(first.workflowId, /^partition-maintenance-\d{4}-\d\d-\d\dT/)
    const expected = Array.from({ length: 8 }, (_, ahead) => addDays(result.day, ahead))
    assert.deepEqual(result, {
      day: utcDayOf((await first.describe()).startTime.getTime()),
      created: expected,
      dropped: [],
      held: [],
    })
    assert.deepEqual(await days(), expected)
    const { currentDetails } = await first.query<{ currentDetails: string }>('__temporal_workflow_metadata')
    assert.match(
      currentDetails,
      new RegExp(`${result.day}.*Created ${expected.join(', ')}.*No day is older than 30`, 's'),
    )
    assert.match((await (await first.describe()).staticSummary()) ?? '', /partition/)

    await client.schedule.getHandle(scheduleId).trigger()
    await waitUntil(
      () => 'a second run',
      10_000,
      // Two runs that were due in the same second have one workflow id.
      async () => (await lastOfSchedule()).runId !== first.runId,
    )
    const second = (await (await lastOfSchedule()).result()) as PartitionMaintenanceResult
    assert.deepEqual([second.created, await days()], [[], expected])
    assert.deepEqual(
      (await runs()).map(({ status, details }) => [
        status,
        (details['result'] as PartitionMaintenanceResult).created.length,
      ]),
      [
        ['completed', 8],
        ['completed', 0],
      ],
    )
  })

  it('holds the days past their retention and says so; the day is the one given, not today', async () => {
    await ensureDayPartition(database.db, '2028-01-28')
    await ensureDayPartition(database.db, '2028-01-29')
    const result = await runFor('2028-02-28', { daysAhead: 2 })
    assert.deepEqual(result.created, ['2028-02-28', '2028-02-29', '2028-03-01'])
    assert.ok(result.held.some(({ day }) => day === '2028-01-28'))
    assert.ok(!result.held.some(({ day }) => day === '2028-01-29'))
    assert.ok((await days()).some((day) => day === '2028-01-28'))
    const { currentDetails } = await client.workflow
      .getHandle('partition-maintenance:2028-02-28')
      .query<{ currentDetails: string }>('__temporal_workflow_metadata')
    assert.match(currentDetails, /Held, not dropped: .*2028-01-28 \(not archived\)/)
  })

  it('drops the days past their retention that are archived, also while a reader goes on for a while', async () => {
    const old = { windowStart: new Date('2026-02-03T12:00:00Z'), windowEnd: new Date('2026-02-03T12:00:10Z') }
    await insertAnomalies(database.db, [anomalyRow({ ...old, asOfOffset: 70, dbWriteTs: old.windowEnd })])
    for (const table of ['detector_checkpoints', 'archive_checkpoints'])
      await database.db.query(
        `INSERT INTO ${table} (topic, kafka_partition, owner_epoch, owner, next_offset) VALUES ('km.clicks.v1', 0, 1, 'o', 71)`,
      )
    const reader = await database.db.checkOut()
    await reader.query('BEGIN')
    await reader.query('SELECT count(*) FROM anomaly_sessions')
    await new Promise((resolve) => setTimeout(resolve, 300))
    const run = runFor('2026-04-01', { daysAhead: 1 })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    assert.ok((await days()).some((day) => day === '2026-02-03'))
    await reader.query('ROLLBACK')
    reader.release()
    const { dropped, held } = await run
    assert.deepEqual([dropped, held], [['2026-02-03'], []])
    const { rows } = await database.db.query('SELECT x.day::text, x.row_count FROM dropped_days x')
    assert.deepEqual(rows, [{ day: '2026-02-03', row_count: 1 }])
    assert.ok(!(await days()).some((day) => day === '2026-02-03'))
  })

  it('waits for a lock by trying again', async () => {
    const reader = await database.db.checkOut()
    await reader.query('BEGIN')
    await reader.query('LOCK TABLE anomaly_sessions IN SHARE MODE')
    const run = runFor('2030-01-01', { daysAhead: 1 })
    await new Promise((resolve) => setTimeout(resolve, 800))
    assert.ok(!(await days()).some((day) => day === '2030-01-01'))
    await reader.query('ROLLBACK')
    reader.release()
    assert.deepEqual((await run).created, ['2030-01-01', '2030-01-02'])
  })

  it('fails at once, for good, on input that cannot become right', async () => {
    for (const [day, input] of [
      ['2026-02-29', {}],
      ['2026-02-28', { daysAhead: 0 }],
    ] as const)
      await assert.rejects(runFor(day, input), (error) => {
        assert.ok(error instanceof WorkflowFailedError)
        assert.equal(Reflect.get(error.cause ?? {}, 'type'), 'GRD_BAD_INPUT')
        return true
      })
    const failed = (await runs()).filter(({ status }) => status === 'failed')
    assert.deepEqual(
      failed.map(({ workflow_id }) => workflow_id),
      [workflowId(utcDayOf(Date.UTC(2026, 1, 28)))],
    )
  })

  it('keeps its schedule over a restart: unchanged, or updated when it is declared differently, and paused if it was', async () => {
    await client.schedule.getHandle(scheduleId).pause('for a while')
    await orchestrator.stop()
    await start()
    assert.equal(orchestrator.says('"outcome":"updated"'), 0)
    await orchestrator.stop()
    await start({ ANOMALY_DAYS_AHEAD: '9' })
    assert.match(orchestrator.log, /"outcome":"updated"/)
    const { state, action, info } = await client.schedule.getHandle(scheduleId).describe()
    assert.deepEqual(action.args, [{ daysAhead: 9, retentionDays: 30 }])
    assert.deepEqual([state.paused, state.note], [true, 'for a while'])
    assert.equal(info.numActionsTaken, 2)
  })

  it('stands beside figures that are scheduled in the time zone of the shop, for its day before', async () => {
    const daily = WORKFLOWS.dailyKpi
    // There is no Kafka here, which an activity of the run that begins below finds out only after 12 s.
    const zone = { ANOMALY_DAYS_AHEAD: '9', KPI_TIME_ZONE: 'Asia/Kathmandu', SHUTDOWN_DEADLINE_MS: '30000' }
    await orchestrator.stop()
    await start(zone)
    const handle = client.schedule.getHandle(daily.scheduleId)
    const { info, action } = await handle.describe()
    assert.match(info.nextActionTimes[0]?.toISOString() ?? '', /T18:45:00/)
    assert.equal(Reflect.get(action.args?.[0] ?? {}, 'timeZone'), 'Asia/Kathmandu')
    await orchestrator.stop()
    await start(zone)
    assert.equal(orchestrator.says('"outcome":"updated"'), 0)
    // 00:30 on the 14th there; on the 13th in UTC.
    const span = { start: new Date('2026-01-13T18:40:00Z'), end: new Date('2026-01-13T18:50:00Z') }
    await handle.backfill({ ...span, overlap: 'BUFFER_ALL' })
    const id = `${daily.scheduleId}-2026-01-13T18:45:00Z`
    const begun = async () => (await runs()).find((run) => run.workflow_id === id)
    await waitUntil(
      () => orchestrator.output,
      30_000,
      async () => (await begun()) !== undefined,
    )
    assert.equal((await begun())?.details['day'], '2026-01-13')
    await client.workflow.getHandle(id).terminate('the test has seen it')
    await handle.delete()
  })

  it('is offered by a process that says which channels of alerts are off, and ends in order', async () => {
    assert.equal(orchestrator.says('alert_channel_off'), 2)
    await orchestrator.stop()
  })
})

describe('connectTemporal', function () {
  this.timeout(30_000)
  it('gives up after so many attempts, naming the address', async () => {
    quietTemporal()
    const settings = { address: '127.0.0.1:1', namespace: 'default', attempts: 2, pauseMs: 1 }
    await assert.rejects(connectTemporal(settings, createLogger('test', 'fatal')), {
      code: 'GRD_TEMPORAL_UNAVAILABLE',
      message: 'Temporal at 127.0.0.1:1 (namespace default) did not answer in 2 attempts',
    })
  })
})
