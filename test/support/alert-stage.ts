import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WATCHED_SOURCES } from '../../domain/alerting/observation.js'
import type { WorkflowHandle } from '@temporalio/client'
import {
  WORKFLOWS,
  type AlertWatchInput,
  type AlertWatchResult,
  type DlqAlertResult,
} from '../../workflows/contract.js'
import { writeWorkflowBundle } from '../../workers/orchestrator/workflow-bundle.js'
import { ServiceProcess, waitUntil } from './child-process.js'
import { sendDeadLetters, type DeadLetterBatch } from './dead-letters.js'
import { DetectionStage } from './detection-stage.js'
import { startMailReceiver, type MailReceiver } from './mail-receiver.js'
import { testStack } from './stack.js'
import {
  openTemporalClient,
  quietTemporal,
  removeSchedule,
  terminateRunning,
  type TemporalClient,
} from './temporal-client.js'
import { startWebhookReceiver, type WebhookReceiver } from './webhook-receiver.js'

export interface HistoryRow {
  readonly alert_id: string
  readonly fingerprint: string
  readonly severity: string
  readonly kind: string
  readonly outcome: string
  readonly suppressed_by: string | null
  readonly suppressed_by_id: string | null
  readonly event_count: number
  readonly swallowed_alerts: number
  readonly swallowed_count: number
}

const HISTORY = `
SELECT h.alert_id, h.fingerprint, h.severity, h.kind, h.outcome, h.suppressed_by, h.suppressed_by_id,
       h.event_count::float8, h.swallowed_alerts::float8, h.swallowed_count::float8
  FROM alert_history h ORDER BY h.decided_ts, h.fingerprint COLLATE "C"`

const OPEN = `SELECT count(*)::int AS open FROM alert_deliveries d WHERE d.state IN ('pending', 'sending')`

const SCHEDULES = Object.values(WORKFLOWS).flatMap((one) => ('scheduleId' in one ? [one.scheduleId] : []))

/** The orchestrator with a Slack and a mail server that do as they are told, on an empty log of dead letters. */
export class AlertStage {
  readonly stage: DetectionStage
  readonly slack: WebhookReceiver
  readonly mail: MailReceiver
  readonly temporal: TemporalClient
  orchestrator: ServiceProcess
  readonly #settings: Readonly<Record<string, string>>
  #looks = 0

  private constructor(
    parts: { stage: DetectionStage; slack: WebhookReceiver; mail: MailReceiver; temporal: TemporalClient },
    settings: Readonly<Record<string, string>>,
  ) {
    this.stage = parts.stage
    this.slack = parts.slack
    this.mail = parts.mail
    this.temporal = parts.temporal
    this.#settings = settings
    this.orchestrator = this.#spawn()
  }

  /** Where a supervisor writes which processes have crashed. */
  get processStates(): string {
    return join(tmpdir(), `guardian-process-states-${process.pid}.json`)
  }

  static async open(settings: Readonly<Record<string, string>> = {}): Promise<AlertStage> {
    quietTemporal()
    await writeWorkflowBundle()
    const servers = await testStack('postgres', 'kafka', 'registry', 'temporal')
    const [slack, mail] = await Promise.all([startWebhookReceiver(), startMailReceiver()])
    const temporal = await openTemporalClient(servers.temporalAddress)
    for (const id of SCHEDULES) await removeSchedule(temporal.client, id)
    const stage = await DetectionStage.open(servers, { TEMPORAL_ADDRESS: servers.temporalAddress })
    const opened = new AlertStage({ stage, slack, mail, temporal }, settings)
    await opened.#started()
    await opened.#onlyLooksThatAreAskedFor()
    return opened
  }

  #spawn(): ServiceProcess {
    return new ServiceProcess('workers/orchestrator/main.js', {
      ...this.stage.env,
      ORCHESTRATOR_METRICS_PORT: '0',
      SUPERVISOR_STATE_FILE: this.processStates,
      SLACK_WEBHOOK_URL: this.slack.url,
      ALERT_ALLOWED_HOSTS: new URL(this.slack.url).host,
      SMTP_URL: this.mail.url,
      ALERT_EMAIL_FROM: 'guardian@shop.example',
      ALERT_EMAIL_TO: 'on-call@shop.example, fraud@shop.example',
      ALERT_SEND_TIMEOUT_MS: '1000',
      ...this.#settings,
    })
  }

  #started(): Promise<void> {
    return waitUntil(
      () => this.orchestrator.output,
      90_000,
      () => Promise.resolve(this.orchestrator.output.includes('orchestrator_started')),
    )
  }

  /** Pauses the schedules and waits for what they have begun. */
  async #onlyLooksThatAreAskedFor(): Promise<void> {
    const { client } = this.temporal
    for (const id of SCHEDULES) await client.schedule.getHandle(id).pause()
    await waitUntil(
      () => 'runs of the schedules go on',
      30_000,
      async () => {
        for await (const run of client.workflow.list({ query: 'ExecutionStatus = "Running"' }))
          if (SCHEDULES.some((id) => run.workflowId.startsWith(id))) return false
        return true
      },
    )
    // The watch may have told that they are paused.
    await this.delivered()
    await this.stage.db.query('TRUNCATE alert_history, alert_states, alert_looks, alert_deliveries')
    this.slack.forget()
    this.mail.forget()
  }

  async restart(): Promise<void> {
    this.orchestrator = this.#spawn()
    await this.#started()
  }

  sendDeadLetters(...batches: DeadLetterBatch[]): Promise<void> {
    return sendDeadLetters(this.stage.servers.kafkaBrokers, batches)
  }

  /** What Slack was sent last. */
  lastText(): string {
    return this.slack.taken.at(-1)?.body.text ?? ''
  }

  /** Takes one look at the dead letters. */
  async look(thresholds = { warning: 10, critical: 1_000 }, maxRecords = 1_000_000): Promise<DlqAlertResult> {
    return (await (await this.beginLook(thresholds, maxRecords)).result()) as DlqAlertResult
  }

  beginLook(thresholds = { warning: 10, critical: 1_000 }, maxRecords = 1_000_000): Promise<WorkflowHandle> {
    this.#looks += 1
    return this.temporal.client.workflow.start(WORKFLOWS.dlqAlert.type, {
      taskQueue: WORKFLOWS.dlqAlert.taskQueue,
      workflowId: `test-look-${process.pid}-${this.stage.env['DATABASE_URL']?.slice(-12) ?? ''}-${this.#looks}`,
      args: [{ thresholds, maxRecords }],
    })
  }

  /** Asks the other sources once. */
  watch(): Promise<AlertWatchResult> {
    this.#looks += 1
    return this.temporal.client.workflow.execute(WORKFLOWS.alertWatch.type, {
      taskQueue: WORKFLOWS.alertWatch.taskQueue,
      workflowId: `test-watch-${process.pid}-${this.stage.env['DATABASE_URL']?.slice(-12) ?? ''}-${this.#looks}`,
      args: [
        {
          lag: { warningSeconds: 1, criticalSeconds: 3_600 },
          archiveLag: { warningSeconds: 1, criticalSeconds: 3_600 },
          sources: WATCHED_SOURCES,
          burst: { warning: 2, critical: 100 },
        } satisfies AlertWatchInput,
      ],
    }) as Promise<AlertWatchResult>
  }

  async history(): Promise<HistoryRow[]> {
    return (await this.stage.db.query<HistoryRow>(HISTORY)).rows
  }

  /** Waits until no delivery is owed any more. */
  delivered(deadlineMs = 20_000): Promise<void> {
    return waitUntil(
      () => `deliveries are owed; the orchestrator said:\n${this.orchestrator.output}`,
      deadlineMs,
      async () => (await this.stage.db.query<{ open: number }>(OPEN)).rows[0]?.open === 0,
    )
  }

  async close(): Promise<void> {
    if (this.orchestrator.isRunning) await this.orchestrator.kill()
    for (const id of SCHEDULES) await removeSchedule(this.temporal.client, id)
    await terminateRunning(this.temporal.client)
    await this.temporal.close()
    await Promise.all([this.slack.stop(), this.mail.stop(), this.stage.close()])
  }
}

/** The delivery key that a message on Slack shows. */
export const keyIn = (text: string): string => /slack-[0-9a-f]{24}/.exec(text)?.[0] ?? ''
