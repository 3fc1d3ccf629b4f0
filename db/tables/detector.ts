import { boolean, doublePrecision, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { bytea, timestamptz, whole } from './column-types.js'

const counter = (name: string) => whole(name).notNull().default(0)

/** Where each partition of the log resumes, and what it has counted. */
export const detectorCheckpoints = pgTable(
  'detector_checkpoints',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    ownerEpoch: whole('owner_epoch').notNull(),
    owner: text('owner').notNull(),
    nextOffset: whole('next_offset').notNull(),
    watermark: timestamptz('watermark'),
    head: bytea('head'),
    accepted: counter('accepted'),
    duplicate: counter('duplicate'),
    late: counter('late'),
    dead: counter('dead'),
    updatedTs: timestamptz('updated_ts').notNull().defaultNow(),
    recordsPerSecond: doublePrecision('records_per_second'),
    lastAppendTs: timestamptz('last_append_ts'),
    firstOffset: counter('first_offset'),
    voidOffsets: counter('void_offsets'),
    minutesFrom: timestamptz('minutes_from'),
    partitionCounts: jsonb('partition_counts').notNull().default([]),
    ticks: counter('ticks'),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition] })],
)

/** The detection state between two checkpoints. */
export const detectorStatePieces = pgTable(
  'detector_state_pieces',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    nextOffset: whole('next_offset').notNull(),
    isFull: boolean('is_full').notNull(),
    expiresAt: timestamptz('expires_at').notNull(),
    bytes: bytea('bytes').notNull(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.nextOffset] })],
)

/** Which rule versions decide, from which offset on. */
export const detectorRuleChanges = pgTable(
  'detector_rule_changes',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    fromOffset: whole('from_offset').notNull(),
    rules: jsonb('rules').notNull(),
    recordedTs: timestamptz('recorded_ts').notNull().defaultNow(),
    log: integer('log').notNull().default(1),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.log, table.fromOffset] })],
)

/** Offsets that were not read: Kafka no longer had them, or the batch that holds them is not readable within limits. */
export const dataGaps = pgTable(
  'data_gaps',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    fromOffset: whole('from_offset').notNull(),
    toOffset: whole('to_offset').notNull(),
    detectedTs: timestamptz('detected_ts').notNull().defaultNow(),
    cause: text('cause').notNull().default('retention'),
    log: integer('log').notNull().default(1),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.log, table.fromOffset] })],
)

/** From which offset on records of a schema id are read; detector and archiver decide it together. */
export const schemaReadings = pgTable(
  'schema_readings',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    log: integer('log').notNull().default(1),
    schemaId: whole('schema_id').notNull(),
    refusedTo: counter('refused_to'),
    readFrom: whole('read_from'),
    updatedTs: timestamptz('updated_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.log, table.schemaId] })],
)

/** Events whose contents differ from those of the first one with their session and id. */
export const eventCollisions = pgTable(
  'event_collisions',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    log: integer('log').notNull(),
    nextOffset: whole('next_offset').notNull(),
    events: whole('events').notNull(),
    sampleOffset: whole('sample_offset').notNull(),
    detectedTs: timestamptz('detected_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.log, table.nextOffset] })],
)

/** Records that are not on the partition of their session, or have no key, by who sent them. */
export const misplacedSources = pgTable(
  'misplaced_sources',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    source: text('source').notNull(),
    misplaced: counter('misplaced'),
    keyless: counter('keyless'),
    lastTs: timestamptz('last_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.source] })],
)

/** Sessions with records on a partition that is not theirs. */
export const misplacedSessions = pgTable(
  'misplaced_sessions',
  {
    sessionId: text('session_id').notNull(),
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    records: whole('records').notNull(),
    firstEvent: timestamptz('first_event').notNull(),
    lastEvent: timestamptz('last_event').notNull(),
    updatedTs: timestamptz('updated_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.sessionId, table.topic, table.kafkaPartition] })],
)
