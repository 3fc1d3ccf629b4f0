import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { addDays, DAY_MS, parseUtcDay, startOfDayMs, type UtcDay } from '../../../domain/utc-day.js'
import { writeWorkflowBundle } from '../../../workers/orchestrator/workflow-bundle.js'
import { WORKFLOWS, type PartitionMaintenanceResult } from '../../../workflows/contract.js'
import { ServiceProcess, waitUntil } from '../../support/child-process.js'
import { PartitionLoad } from '../../support/partition-load.js'
import { testStack } from '../../support/stack.js'
import { openTemporalClient, removeSchedule } from '../../support/temporal-client.js'
import { createMigratedDatabase, openTestPool } from '../../support/test-pool.js'
import type { Database } from '../../../db/pool.js'
import type { Row, RowSettings } from '../row.js'

const FULL = { days: 60, kills: 10, longestReadMs: 4_000 }
const QUICK = { days: 8, kills: 2, longestReadMs: 2_000 }
const RETENTION_DAYS = 3
const FIRST = parseUtcDay('2026-03-01')
const STALL_LIMIT_MS = 1_000

/** The orchestrator on a database of its own; it is killed and started again. */
async function openOrchestrator(databaseUrl: string) {
  const { temporalAddress, dataDir } = await testStack('postgres', 'temporal')
  await writeWorkflowBundle()
  const { client, close } = await openTemporalClient(temporalAddress)
  const schedules = Object.values(WORKFLOWS).flatMap((one) => ('scheduleId' in one ? [one.scheduleId] : []))
  const env = {
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporalAddress,
    KAFKA_BROKERS: '127.0.0.1:1',
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
    ARCHIVE_URL: `file://${dataDir}/archive`,
    ORCHESTRATOR_METRICS_PORT: '0',
    GUARDIAN_DATA_DIR: '/nonexistent',
    ANOMALY_SETTLED_DAYS: '0',
  }
  const begin = async () => {
    const started = new ServiceProcess('workers/orchestrator/main.js', env)
    await waitUntil(
      () => started.output,
      60_000,
      () => Promise.resolve(started.says('orchestrator_started') > 0),
    )
    return started
  }
  let orchestrator = await begin()
  for (const id of schedules) await removeSchedule(client, id) // only the runs of this row touch the table
  return {
    client,
    restart: async () => {
      await orchestrator.kill()
      orchestrator = await begin()
    },
    close: async () => {
      await orchestrator.kill()
      for (const id of schedules) await removeSchedule(client, id)
      await close()
    },
  }
}

const { type, taskQueue } = WORKFLOWS.partitionMaintenance

const maintain = (client: Client, day: UtcDay) =>
  client.workflow.start(type, {
    taskQueue,
    workflowId: `partition-maintenance:${day}:${randomUUID()}`,
    args: [{ day, daysAhead: 2, retentionDays: RETENTION_DAYS }],
  })

/** Says how far the archive has come; the detector is ahead of it, so that only the time of events can tell. */
const archiveTo = (db: Database, ms: number) =>
  db.query(
    `INSERT INTO archive_checkpoints AS c (topic, kafka_partition, owner_epoch, owner, next_offset, event_high)
     VALUES ('km.clicks.v1', 0, 1, 'row', 0, $1) ON CONFLICT (topic, kafka_partition) DO UPDATE SET event_high = excluded.event_high`,
    [new Date(ms)],
  )

interface Findings {
  dropped: number
  held: number
  readonly differences: string[]
}

/** A run for each day, with an archive that is behind by days; some are killed on the way. */
async function liveThrough(
  db: Database,
  { days, kills }: typeof FULL,
  setToday: (day: UtcDay) => void,
  { seed, say }: RowSettings,
  orchestrator: Awaited<ReturnType<typeof openOrchestrator>>,
): Promise<Findings> {
  const random = new SeededRandom(seed, 80)
  const findings: Findings = { dropped: 0, held: 0, differences: [] }
  let archivedMs = startOfDayMs(FIRST)
  for (let at = 0; at <= days; at++) {
    const today = addDays(FIRST, at)
    setToday(today)
    // It stands still for days, and then catches up; the last run finds everything archived.
    if (at === days) archivedMs = startOfDayMs(addDays(today, 2))
    else if (random.chance(0.25)) archivedMs = startOfDayMs(today)
    await archiveTo(db, archivedMs)
    const run = await maintain(orchestrator.client, today)
    if (at > 0 && at % Math.ceil(days / (kills + 1)) === 0) {
      await new Promise((resolve) => setTimeout(resolve, random.whole(100, 900)))
      await orchestrator.restart()
    }
    const { dropped, held } = (await run.result()) as PartitionMaintenanceResult
    findings.dropped += dropped.length
    findings.held += held.length
    for (const day of dropped)
      if (archivedMs < startOfDayMs(day) + 2 * DAY_MS)
        findings.differences.push(`${day} was dropped when the archive was at ${new Date(archivedMs).toISOString()}`)
    for (const { day, reason } of held)
      if (reason === 'not_archived' && archivedMs >= startOfDayMs(day) + 2 * DAY_MS)
        findings.differences.push(`${day} was held as not archived when the archive was past it`)
    if (at % 10 === 0) say(`${today}: ${findings.dropped} days dropped, ${findings.held} times one was held`)
  }
  return findings
}

export const row: Row = {
  id: 'B8',
  fault:
    'day partitions are made, detached and dropped while rows are written to old and new days, long transactions read, and the orchestrator is killed',
  invariant:
    'no write to the current day waits a second; every row is in the table or was dropped with its day; no day is dropped before it is archived',
  quick: true,
  run: async (settings) => {
    const size = settings.quick ? QUICK : FULL
    const database = await createMigratedDatabase('b8')
    const { value: db, stop } = await openTestPool(database.url, { max: 10, statementTimeoutMs: 60_000 })
    const orchestrator = await openOrchestrator(database.url)
    const load = new PartitionLoad(db, settings.seed)
    const random = new SeededRandom(settings.seed, 81)
    let today = FIRST
    const [current, old] = [
      { rows: 0, longestMs: 0 },
      { rows: 0, longestMs: 0 },
    ]
    try {
      await db.query(
        `INSERT INTO detector_checkpoints (topic, kafka_partition, owner_epoch, owner, next_offset) VALUES ('km.clicks.v1', 0, 1, 'row', 1000000000)`,
      )
      const loads = [
        load.write(current, 3, () => today),
        load.write(current, 3, () => today),
        load.write(old, 40, () => addDays(today, -random.whole(1, RETENTION_DAYS + 3))),
        load.read(size.longestReadMs),
      ]
      const findings = await liveThrough(db, size, (day) => (today = day), settings, orchestrator).finally(() =>
        load.end(),
      )
      const reads = (await Promise.all(loads)).at(-1) ?? 0
      const { rows } = await db.query<{ kept: number; gone: number; stray: number }>(
        `SELECT (SELECT count(*) FROM anomaly_sessions) AS kept, (SELECT coalesce(sum(x.row_count), 0)::bigint FROM dropped_days x) AS gone,
                (SELECT count(*) FROM pg_class c WHERE c.relkind = 'r' AND c.relname ~ '^anomaly_sessions_\\d{8}$' AND NOT c.relispartition) AS stray`,
      )
      const { kept, gone, stray } = rows[0] ?? { kept: 0, gone: 0, stray: 0 }
      const lost = current.rows + old.rows - kept - gone
      const differences = [...findings.differences]
      if (lost !== 0) differences.push(`${lost} of ${current.rows + old.rows} rows are nowhere`)
      if (stray !== 0) differences.push(`${stray} tables are neither a partition nor dropped`)
      if (findings.dropped === 0 || gone === 0) differences.push('nothing was dropped')
      if (current.longestMs >= STALL_LIMIT_MS) differences.push(`a write waited ${current.longestMs.toFixed(0)} ms`)
      return {
        held: differences.length === 0,
        figure:
          `${findings.dropped} days with ${gone} rows dropped, ${findings.held} times one was held, ${size.kills} kills; ` +
          `longest write ${current.longestMs.toFixed(0)} ms (to a day past its retention ${old.longestMs.toFixed(0)} ms); ${lost} of ${current.rows + old.rows} rows lost`,
        configuration: {
          runs: size.days + 1,
          longReads: reads,
          longestReadMs: size.longestReadMs,
          lockTimeoutMs: 500,
        },
        differences,
      }
    } finally {
      load.end()
      await orchestrator.close()
      await stop()
      await database.drop()
    }
  },
}
