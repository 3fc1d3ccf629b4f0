import { integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz, whole } from './column-types.js'

/** Partitioned by day of `window_start`; the detector writes it, other programs read it. */
export const anomalySessions = pgTable(
  'anomaly_sessions',
  {
    sessionId: text('session_id').notNull(),
    userId: text('user_id'),
    ruleId: text('rule_id').notNull(),
    ruleVersion: integer('rule_version').notNull(),
    windowStart: timestamptz('window_start').notNull(),
    windowEnd: timestamptz('window_end').notNull(),
    eventCount: integer('event_count').notNull(),
    distinctItems: integer('distinct_items').notNull(),
    status: text('status', { enum: ['open', 'confirmed', 'retracted'] }).notNull(),
    mode: text('mode', { enum: ['active', 'shadow'] }).notNull(),
    evidence: jsonb('evidence').$type<Record<string, unknown>>().notNull(),
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    firstOffset: whole('first_offset').notNull(),
    lastOffset: whole('last_offset').notNull(),
    asOfOffset: whole('as_of_offset').notNull(),
    producedTs: timestamptz('produced_ts').notNull(),
    kafkaTs: timestamptz('kafka_ts').notNull(),
    detectedTs: timestamptz('detected_ts').notNull(),
    dbWriteTs: timestamptz('db_write_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.windowStart, table.sessionId, table.ruleId, table.mode] })],
)
