import { boolean, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { ALERT_KINDS } from '../../domain/alerting/alert-message.js'
import { CHANNEL_CIRCUITS, CHANNELS } from '../../domain/alerting/channel.js'
import { SUPPRESSIONS, type SentMark } from '../../domain/alerting/decide-alert.js'
import {
  ALERT_SOURCES,
  SEVERITIES,
  type AlertLink,
  type Figures,
  type Severity,
} from '../../domain/alerting/observation.js'
import { timestamptz, whole } from './column-types.js'

/** One row per look that saw a cause, sent or not. */
export const alertHistory = pgTable(
  'alert_history',
  {
    alertId: text('alert_id').notNull(),
    lookId: text('look_id').notNull(),
    fingerprint: text('fingerprint').notNull(),
    source: text('source', { enum: ALERT_SOURCES }).notNull(),
    cause: text('cause').notNull(),
    kind: text('kind', { enum: ALERT_KINDS }).notNull(),
    severity: text('severity', { enum: SEVERITIES }).notNull(),
    outcome: text('outcome', { enum: ['sent', 'suppressed'] }).notNull(),
    suppressedBy: text('suppressed_by', { enum: SUPPRESSIONS }),
    suppressedById: text('suppressed_by_id'),
    incidentId: text('incident_id').notNull(),
    decidedTs: timestamptz('decided_ts').notNull(),
    eventCount: whole('event_count').notNull(),
    swallowedAlerts: whole('swallowed_alerts').notNull(),
    swallowedCount: whole('swallowed_count').notNull(),
    figures: jsonb('figures').$type<Figures>().notNull().default({}),
    links: jsonb('links').$type<readonly AlertLink[]>().notNull().default([]),
    summary: text('summary').notNull().default(''),
    sample: text('sample'),
    firstStep: text('first_step').notNull().default(''),
  },
  (table) => [primaryKey({ columns: [table.alertId] })],
)

/** What is remembered of a fingerprint between two looks. */
export const alertStates = pgTable(
  'alert_states',
  {
    fingerprint: text('fingerprint').notNull(),
    source: text('source', { enum: ALERT_SOURCES }).notNull(),
    cause: text('cause').notNull(),
    severity: text('severity', { enum: SEVERITIES }).notNull(),
    incidentId: text('incident_id'),
    lastSeenTs: timestamptz('last_seen_ts').notNull(),
    sent: jsonb('sent').$type<Partial<Record<Severity, SentMark>>>().notNull().default({}),
    isAnnounced: boolean('is_announced').notNull().default(false),
    swallowedAlerts: whole('swallowed_alerts').notNull().default(0),
    swallowedCount: whole('swallowed_count').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.fingerprint] })],
)

/** Looks that are decided. */
export const alertLooks = pgTable(
  'alert_looks',
  {
    lookId: text('look_id').notNull(),
    decidedTs: timestamptz('decided_ts').notNull(),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [primaryKey({ columns: [table.lookId] })],
)

/** Silences and maintenance windows. */
export const alertSilences = pgTable(
  'alert_silences',
  {
    silenceId: text('silence_id').notNull(),
    kind: text('kind', { enum: ['silence', 'maintenance'] }).notNull(),
    matcher: text('matcher').notNull(),
    upTo: text('up_to', { enum: SEVERITIES }).notNull(),
    startsTs: timestamptz('starts_ts').notNull(),
    endsTs: timestamptz('ends_ts').notNull(),
    reason: text('reason').notNull(),
    createdBy: text('created_by').notNull(),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.silenceId] })],
)

/** Silences whose end was looked at. */
export const alertSilenceSummaries = pgTable(
  'alert_silence_summaries',
  {
    silenceId: text('silence_id').notNull(),
    decidedTs: timestamptz('decided_ts').notNull(),
  },
  (table) => [primaryKey({ columns: [table.silenceId] })],
)

/** One row per alert and channel: the outbox. */
export const alertDeliveries = pgTable(
  'alert_deliveries',
  {
    alertId: text('alert_id').notNull(),
    channel: text('channel', { enum: CHANNELS }).notNull(),
    state: text('state', { enum: ['pending', 'sending', 'sent', 'failed'] })
      .notNull()
      .default('pending'),
    attempts: integer('attempts').notNull().default(0),
    unknownAttempts: integer('unknown_attempts').notNull().default(0),
    claimToken: text('claim_token'),
    claimedUntil: timestamptz('claimed_until'),
    createdTs: timestamptz('created_ts').notNull(),
    endedTs: timestamptz('ended_ts'),
    lastFault: text('last_fault'),
  },
  (table) => [primaryKey({ columns: [table.alertId, table.channel] })],
)

/** Which channels are configured. */
export const alertChannels = pgTable(
  'alert_channels',
  {
    channel: text('channel', { enum: CHANNELS }).notNull(),
    isConfigured: boolean('is_configured').notNull(),
    reportedTs: timestamptz('reported_ts').notNull(),
    circuit: text('circuit', { enum: CHANNEL_CIRCUITS }).notNull().default('closed'),
  },
  (table) => [primaryKey({ columns: [table.channel] })],
)

/** Up to where the dead letters have been counted. */
export const deadLetterCursors = pgTable(
  'dead_letter_cursors',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    nextOffset: whole('next_offset').notNull(),
    counted: whole('counted').notNull().default(0),
    updatedTs: timestamptz('updated_ts').notNull(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition] })],
)

/** Up to when each source has been watched that tells of single happenings. */
export const alertWatches = pgTable(
  'alert_watches',
  {
    source: text('source', { enum: ALERT_SOURCES }).notNull(),
    watchedUntil: timestamptz('watched_until').notNull(),
  },
  (table) => [primaryKey({ columns: [table.source] })],
)
