import { readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import { TOPICS } from '../../domain/events.js'
import { writeWorkflowBundle } from '../../workers/orchestrator/workflow-bundle.js'
import { WORKFLOWS, type DailyKpiInput } from '../../workflows/contract.js'
import { waitUntil, type ServiceProcess } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import { dumpTopics } from '../support/dump-topic.js'
import { flaggedOn, oracleFigures, publishedFigures, type KpiReport } from '../support/kpi-tables.js'
import { testStack, type TestStack } from '../support/stack.js'
import {
  openTemporalClient,
  quietTemporal,
  removeSchedule,
  terminateRunning,
  type TemporalClient,
} from '../support/temporal-client.js'

const SCHEDULES = Object.values(WORKFLOWS).flatMap((one) => ('scheduleId' in one ? [one.scheduleId] : []))

/** What activities may take before they are tried again, in a copy of the product: a row does not wait minutes for each. */
const SHORT_TIMEOUTS = [
  ["startToCloseTimeout: '1 minute'", "startToCloseTimeout: '4 seconds'"],
  ["startToCloseTimeout: '30 seconds'", "startToCloseTimeout: '4 seconds'"],
  ["heartbeatTimeout: '30 seconds'", "heartbeatTimeout: '6 seconds'"],
] as const

/** Days that are archived and whose anomalies are written, with what the oracle says of them. */
export class KpiStage {
  readonly stage: DetectionStage
  readonly servers: TestStack
  temporal: TemporalClient
  readonly #expected = new Map<string, KpiReport>()
  #runs = 0

  private constructor(stage: DetectionStage, servers: TestStack, temporal: TemporalClient) {
    this.stage = stage
    this.servers = servers
    this.temporal = temporal
  }

  /** @param events of each day */
  static async open(days: readonly string[], events: number, seed: number): Promise<KpiStage> {
    quietTemporal()
    await writeWorkflowBundle()
    const servers = await testStack('postgres', 'kafka', 'registry', 'temporal')
    const temporal = await openTemporalClient(servers.temporalAddress)
    for (const id of SCHEDULES) await removeSchedule(temporal.client, id)
    const stage = await DetectionStage.open(servers, { TEMPORAL_ADDRESS: servers.temporalAddress })
    const opened = new KpiStage(stage, servers, temporal)
    await opened.#fill(days, events, seed)
    return opened
  }

  async #fill(days: readonly string[], events: number, seed: number): Promise<void> {
    const { stage } = this
    for (const [n, day] of days.entries())
      await stage.ask(['simulate', '--day', day, '--events', String(events), '--seed', String(seed + n)])
    const total = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
    const workers = [stage.startDetector(), stage.startArchiver()]
    await waitUntil(
      () => workers.map(({ output }) => output).join('\n'),
      120_000,
      async () => (await stage.processed()) >= total && (await stage.archived()) >= total,
    )
    for (const worker of workers) await worker.stop()
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const idOf = (topic: string) => schemas.find(({ subject }) => subject === `${topic}-value`)?.id ?? 0
    const dump = stage.file('dump.jsonl')
    await dumpTopics(dump, stage.brokers, [TOPICS.clicks, TOPICS.purchases])
    const kinds = { [idOf(TOPICS.clicks)]: 'click', [idOf(TOPICS.purchases)]: 'purchase' } as const
    for (const day of days) this.#expected.set(day, oracleFigures(dump, kinds, day, await flaggedOn(stage.db, day)))
  }

  /** Starts an orchestrator and waits until it works. @param root of a copy of the product */
  async orchestrator(settings: Record<string, string> = {}, root?: string): Promise<ServiceProcess> {
    const started = this.stage.startOrchestrator(this.servers.temporalAddress, settings, root)
    await waitUntil(
      () => started.output,
      90_000,
      () => Promise.resolve(started.says('orchestrator_started') > 0 || !started.isRunning),
    )
    return started
  }

  begin(day: string): Promise<WorkflowHandle> {
    this.#runs++
    const input: DailyKpiInput = { day, archiveWaitMs: 60_000 }
    return this.temporal.client.workflow.start(WORKFLOWS.dailyKpi.type, {
      taskQueue: WORKFLOWS.dailyKpi.taskQueue,
      workflowId: `${WORKFLOWS.dailyKpi.workflowId(input.day as never)}:row-${process.pid}-${this.#runs}`,
      args: [input],
    })
  }

  /** Makes the published figures wrong: only a publication puts them right. */
  async spoil(day: string): Promise<void> {
    await this.stage.db.query('UPDATE daily_metrics SET events = events + 1 WHERE day = $1', [day])
    await this.stage.db.query('DELETE FROM popular_items WHERE day = $1', [day])
  }

  /** What the tables say otherwise than the oracle, and what the run of a day left behind. */
  async differences(day: string, handle: WorkflowHandle): Promise<string[]> {
    const found: string[] = []
    if (!isDeepStrictEqual(await publishedFigures(this.stage.db, day), this.#expected.get(day)))
      found.push(`${day}: the figures are not the oracle's`)
    const { rows } = await this.stage.db.query<{ status: string }>(
      'SELECT r.status FROM pipeline_runs r WHERE r.workflow_id = $1',
      [handle.workflowId],
    )
    if (rows.length !== 1 || rows[0]?.status !== 'completed')
      found.push(`${day}: its run is recorded as ${rows.map(({ status }) => status).join(', ') || 'nothing'}`)
    const staged = await this.stage.db.query('SELECT FROM kpi_staging s WHERE s.day = $1', [day])
    if (staged.rows.length > 0) found.push(`${day}: ${staged.rows.length} staged attempts are left`)
    return found
  }

  async close(): Promise<void> {
    await this.stage.endProcesses()
    for (const id of SCHEDULES) await removeSchedule(this.temporal.client, id)
    await terminateRunning(this.temporal.client)
    await this.temporal.close()
    await this.stage.close()
  }
}

/** Shortens the time-outs of activities in the bundle of a copy of the product. @throws when one is not there */
export function shortenTimeouts(root: string): void {
  const file = join(root, 'dist', 'workflow-bundle.js')
  let code = readFileSync(file, 'utf8')
  for (const [from, to] of SHORT_TIMEOUTS) {
    if (!code.includes(from)) throw new Error(`the bundle has no ${from}`)
    code = code.replaceAll(from, to)
  }
  writeFileSync(file, code)
}
