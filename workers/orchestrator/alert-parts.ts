import type { ScheduleClient, WorkflowClient } from '@temporalio/client'
import type { DeadLetterDeps } from '../../activities/alerts/dead-letter-activities.js'
import type { LookDeps } from '../../activities/alerts/look-activities.js'
import type { ChannelSender, GuardedSender } from '../../activities/notify/channel-sender.js'
import { guardChannel, isOutage } from '../../activities/notify/guarded-channel.js'
import { emailChannel } from '../../activities/notify/email-channel.js'
import type { WatchDeps } from '../../activities/alerts/watch-activities.js'
import type { NotifyDeps } from '../../activities/notify/notify-activities.js'
import { slackChannel } from '../../activities/notify/slack-channel.js'
import type { Database } from '../../db/pool.js'
import {
  claimDelivery,
  getAlert,
  giveDeliveryUp,
  isDeliveryOwed,
  listUndelivered,
  markNotSent,
  markSent,
  reportChannels,
  reportCircuit,
} from '../../db/stores/alert-deliveries.js'
import { recordLook } from '../../db/stores/alert-looks.js'
import { moveDeadLetterCursors, readDeadLetterCursors } from '../../db/stores/dead-letter-cursors.js'
import type { CountedLetter } from '../../domain/alerting/kinds/dead-letters.js'
import { CHANNELS, type Channel } from '../../domain/alerting/channel.js'
import { TOPICS } from '../../domain/events.js'
import { DAY_MS } from '../../domain/utc-day.js'
import { monotonicMs } from '../../platform/clock.js'
import { fetchOffsets } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { lastHeader } from '../../platform/kafka/last-header.js'
import { readRange, type RangeReader } from '../../platform/kafka/read-range.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'
import { Counter, type Registry } from '../../platform/metrics.js'
import { breakerSettings, CircuitBreaker, createBreakerMetrics } from '../../platform/resilience/circuit-breaker.js'
import { kafkaConnection } from '../../platform/kafka/connection.js'
import { sourceOf } from './dead-letter-source.js'
import type { OrchestratorConfig } from './orchestrator-config.js'
import type { DeclaredSchedule } from './schedules.js'
import { watchDeps, type WatchParts } from './watch-parts.js'

export type AlertDeps = DeadLetterDeps & LookDeps & NotifyDeps & WatchDeps

export interface AlertParts {
  readonly db: Database
  readonly registry: Registry
  readonly schedules: ScheduleClient
  readonly workflows: WorkflowClient
  readonly declared: readonly DeclaredSchedule[]
}

/** What the activities of the alerts work on. Says which channels are off. @throws GRD_STORE_* */
export async function openAlerts(
  config: OrchestratorConfig,
  { db, registry, schedules, workflows, declared }: AlertParts,
  log: Logger,
): Promise<Part<AlertDeps>> {
  const senders = guardedChannels(config, { db, registry }, log)
  const channels = CHANNELS.map((channel) => ({ channel, isConfigured: senders.has(channel) }))
  for (const { channel, isConfigured } of channels)
    log.info({ channel }, isConfigured ? 'alert_channel_on' : 'alert_channel_off')
  await reportChannels(db, channels, new Date())
  const parts: WatchParts = {
    ...{ db, schedules, workflows, declared, channels: [...senders.keys()] },
    kafka: createKafka(
      {
        ...kafkaConnection(config),
        clientId: 'guardian-orchestrator',
        requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS,
      },
      log,
    ),
    policy: { windowMs: config.ALERT_WINDOW_MS, recoverAfterMs: config.ALERT_RECOVER_AFTER_MS },
    keptMs: config.ALERT_HISTORY_DAYS * DAY_MS,
    processStatesFile: config.SUPERVISOR_STATE_FILE,
    temporalUi: `${config.TEMPORAL_UI_URL.replace(/\/+$/, '')}/namespaces/${config.TEMPORAL_NAMESPACE}`,
  }
  const stop = () => {
    for (const sender of senders.values()) sender.stop()
    return Promise.resolve()
  }
  return {
    value: { ...notifyDeps(config, db, senders, registry), ...lookDeps(config, parts), ...watchDeps(parts) },
    stop,
  }
}

function channelsOf(config: OrchestratorConfig): Map<Channel, ChannelSender> {
  const senders = new Map<Channel, ChannelSender>()
  const timeoutMs = config.ALERT_SEND_TIMEOUT_MS
  const { SLACK_WEBHOOK_URL: slack, SMTP_URL: smtp, ALERT_EMAIL_FROM: from, ALERT_EMAIL_TO: to } = config
  const allowedHosts = config.ALERT_ALLOWED_HOSTS
  if (slack !== undefined) senders.set('slack', slackChannel({ url: slack, timeoutMs, allowedHosts }, Date.now))
  if (smtp !== undefined && from !== undefined && to !== undefined)
    senders.set(
      'email',
      emailChannel({
        ...{ url: smtp, from, to, timeoutMs },
        startTls: config.SMTP_STARTTLS,
        ca: config.SMTP_TLS_CA,
      }),
    )
  return senders
}

/** Every channel behind a circuit of its own. Its changes are written down, for the API to show. */
function guardedChannels(
  config: OrchestratorConfig,
  { db, registry }: Pick<AlertParts, 'db' | 'registry'>,
  log: Logger,
): Map<Channel, GuardedSender> {
  const metrics = createBreakerMetrics(registry)
  const guarded = new Map<Channel, GuardedSender>()
  for (const [channel, sender] of channelsOf(config)) {
    const breaker = new CircuitBreaker(channel, isOutage, {
      ...{ settings: breakerSettings(config), nowMs: monotonicMs, log, metrics },
      onChange: (_, state) =>
        void reportCircuit(db, channel, state, new Date()).catch((err: unknown) =>
          log.warn({ err, channel, state }, 'circuit_not_reported'),
        ),
    })
    guarded.set(channel, guardChannel(sender, breaker))
  }
  return guarded
}

function notifyDeps(
  config: OrchestratorConfig,
  db: Database,
  senders: ReadonlyMap<Channel, GuardedSender>,
  registry: Registry,
): NotifyDeps {
  const attempts = new Counter({
    name: 'guardian_alert_delivery_attempts_total',
    help: 'Attempts to send an alert',
    labelNames: ['channel', 'outcome'] as const,
    registers: [registry],
  })
  return {
    getAlert: (alertId) => getAlert(db, alertId),
    claimDelivery: (id, token, leaseMs) => claimDelivery(db, id, token, leaseMs),
    isDeliveryOwed: (id) => isDeliveryOwed(db, id),
    markSent: (id) => markSent(db, id),
    markNotSent: (id, token, how) => markNotSent(db, id, token, how),
    giveDeliveryUp: (id, fault) => giveDeliveryUp(db, id, fault),
    senders,
    baseUrl: config.ALERT_BASE_URL.replace(/\/+$/, ''),
    sendTimeoutMs: config.ALERT_SEND_TIMEOUT_MS,
    onAttempt: (channel, outcome) => attempts.inc({ channel, outcome }),
  }
}

function lookDeps(
  config: OrchestratorConfig,
  { db, kafka, policy, keptMs, channels }: WatchParts,
): DeadLetterDeps & LookDeps {
  const topic = TOPICS.deadLetters
  return {
    listUndelivered: (before, limit) => listUndelivered(db, before, limit),
    deadLetterOffsets: () => fetchOffsets(kafka, topic),
    readDeadLetterCursors: () => readDeadLetterCursors(db, topic),
    readDeadLetters: (range, onLetters) =>
      readRange(
        kafka,
        { topic, ...range },
        {
          maxUnpackedBytes: config.FETCH_MAX_UNPACKED_BYTES,
          idleTimeoutMs: 3 * config.KAFKA_REQUEST_TIMEOUT_MS,
          onRecords: (records) => {
            onLetters(records.map((record) => letterOf(range.partition, record)))
            return Promise.resolve()
          },
        },
      ),
    recordDeadLetterLook: ({ ranges, ...look }) =>
      recordLook(db, {
        ...look,
        policy,
        keptMs,
        channels,
        alongside: (tx) => moveDeadLetterCursors(tx, topic, ranges, look.at),
      }),
  }
}

type LogRecord = Parameters<RangeReader['onRecords']>[0][number]

const letterOf = (partition: number, { offset, timestamp, headers, value }: LogRecord): CountedLetter => ({
  ...{ partition, offset: Number(offset), appendMs: Number(timestamp) },
  code: lastHeader(headers, 'guardian.error.code'),
  topic: lastHeader(headers, '__connect.errors.topic'),
  originPartition: lastHeader(headers, '__connect.errors.partition'),
  originOffset: lastHeader(headers, '__connect.errors.offset'),
  fault: lastHeader(headers, '__connect.errors.exception.message'),
  source: sourceOf(headers, value),
})
