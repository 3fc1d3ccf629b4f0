import type { Client } from '@temporalio/client'
import { TOPICS } from '../../domain/events.js'
import { writeWorkflowBundle } from '../../workers/orchestrator/workflow-bundle.js'
import { WORKFLOWS, type DailyKpiResult } from '../../workflows/contract.js'
import { waitUntil, type ServiceProcess } from './child-process.js'
import { DetectionStage, type StageServers } from './detection-stage.js'
import { dumpTopics } from './dump-topic.js'
import { flaggedOn, oracleFigures, type KpiReport } from './kpi-tables.js'
import { openTemporalClient, quietTemporal, removeSchedule, type TemporalClient } from './temporal-client.js'

const SCHEDULES = Object.values(WORKFLOWS).flatMap((one) => ('scheduleId' in one ? [one.scheduleId] : []))
const ARCHIVE_WAIT_MS = 30_000

/** A run as `pipeline_runs` has it. */
export interface RecordedRun {
  readonly status: string
  readonly details: Record<string, unknown>
}

/** Records in each day of a stage. */
export const RECORDS_OF_A_DAY = 20_000

/** Days of the simulated shop in Kafka, with detector, archiver and orchestrator at work on them. */
export class FiguresStage {
  readonly stage: DetectionStage
  readonly archiver: ServiceProcess
  readonly #temporal: TemporalClient
  readonly #kinds: Readonly<Record<number, 'click' | 'purchase'>>
  readonly #processes: readonly ServiceProcess[]

  private constructor(
    stage: DetectionStage,
    temporal: TemporalClient,
    temporalAddress: string,
    kinds: Readonly<Record<number, 'click' | 'purchase'>>,
  ) {
    this.stage = stage
    this.#temporal = temporal
    this.#kinds = kinds
    this.archiver = stage.startArchiver()
    this.#processes = [stage.startDetector(), this.archiver, stage.startOrchestrator(temporalAddress)]
  }

  /** @returns it when detector and archiver have read the days */
  static async open(
    servers: StageServers & { readonly temporalAddress: string },
    days: readonly { readonly day: string; readonly seed: number }[],
  ): Promise<FiguresStage> {
    quietTemporal()
    await writeWorkflowBundle()
    const temporal = await openTemporalClient(servers.temporalAddress)
    for (const id of SCHEDULES) await removeSchedule(temporal.client, id)
    const stage = await DetectionStage.open(servers, { TEMPORAL_ADDRESS: servers.temporalAddress })
    for (const { day, seed } of days)
      await stage.ask(['simulate', '--day', day, '--events', String(RECORDS_OF_A_DAY), '--seed', String(seed)])
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const idOf = (topic: string) => schemas.find(({ subject }) => subject === `${topic}-value`)?.id ?? 0
    const kinds = { [idOf(TOPICS.clicks)]: 'click', [idOf(TOPICS.purchases)]: 'purchase' } as const
    const opened = new FiguresStage(stage, temporal, servers.temporalAddress, kinds)
    await opened.settled()
    return opened
  }

  get client(): Client {
    return this.#temporal.client
  }

  /** Detector and archiver have come to the end of the log. */
  async settled(): Promise<void> {
    const { stage } = this
    const total = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
    await waitUntil(
      () => this.#processes.map(({ output }) => output).join('\n'),
      60_000,
      async () => (await stage.processed()) >= total && (await stage.archived()) >= total,
    )
  }

  /** The figures that the oracle finds in the log as it is now. */
  async expected(day: string): Promise<KpiReport> {
    const dump = this.stage.file('dump.jsonl')
    await dumpTopics(dump, this.stage.brokers, [TOPICS.clicks, TOPICS.purchases])
    return oracleFigures(dump, this.#kinds, day, await flaggedOn(this.stage.db, day))
  }

  /** What `kpi run` does, without the start of a process. */
  compute(day: string): Promise<DailyKpiResult> {
    return this.#execute('dailyKpi', `daily-kpi:${day}`, day) as Promise<DailyKpiResult>
  }

  reconcile(day: string): Promise<unknown> {
    return this.#execute('reconcile', `reconcile:${day}`, day)
  }

  async lastRun(workflowId: string): Promise<RecordedRun | undefined> {
    const { rows } = await this.stage.db.query<RecordedRun>(
      'SELECT r.status, r.details FROM pipeline_runs r WHERE r.workflow_id = $1 ORDER BY r.started_ts DESC LIMIT 1',
      [workflowId],
    )
    return rows[0]
  }

  async close(): Promise<void> {
    await this.stage.close()
    await this.#temporal.close()
  }

  #execute(type: string, workflowId: string, day: string): Promise<unknown> {
    const args = [{ day, archiveWaitMs: ARCHIVE_WAIT_MS }]
    return this.client.workflow.execute(type, { taskQueue: 'batch', workflowId, args })
  }
}
