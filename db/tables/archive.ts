import { date, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz, whole } from './column-types.js'

/** Where the archive of each partition goes on. */
export const archiveCheckpoints = pgTable(
  'archive_checkpoints',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    ownerEpoch: whole('owner_epoch').notNull(),
    owner: text('owner').notNull(),
    nextOffset: whole('next_offset').notNull(),
    eventHigh: timestamptz('event_high'),
    archived: whole('archived').notNull().default(0),
    invalid: whole('invalid').notNull().default(0),
    updatedTs: timestamptz('updated_ts').notNull().defaultNow(),
    lastAppendTs: timestamptz('last_append_ts'),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition] })],
)

/** The manifest: a file that is not here does not exist. */
export const archiveFiles = pgTable(
  'archive_files',
  {
    path: text('path').notNull(),
    dataset: text('dataset', { enum: ['clicks', 'purchases'] }).notNull(),
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    ownerEpoch: whole('owner_epoch').notNull(),
    firstDay: date('first_day').notNull(),
    lastDay: date('last_day').notNull(),
    firstOffset: whole('first_offset').notNull(),
    lastOffset: whole('last_offset').notNull(),
    rowCount: whole('row_count').notNull(),
    byteCount: whole('byte_count').notNull(),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    eventHigh: timestamptz('event_high').notNull().default(new Date(0)),
    log: integer('log').notNull().default(1),
  },
  (table) => [primaryKey({ columns: [table.path] })],
)

/** What is archived of a quarter of an hour of event time, for days of a time zone. */
export const archiveSlots = pgTable(
  'archive_slots',
  {
    dataset: text('dataset', { enum: ['clicks', 'purchases'] }).notNull(),
    slotStart: timestamptz('slot_start').notNull(),
    rowCount: whole('row_count').notNull(),
    version: whole('version').notNull(),
  },
  (table) => [primaryKey({ columns: [table.dataset, table.slotStart] })],
)

/** What is archived of a day; the version tells figures that were made before the last of it. */
export const archiveDays = pgTable(
  'archive_days',
  {
    dataset: text('dataset', { enum: ['clicks', 'purchases'] }).notNull(),
    eventDay: date('event_day').notNull(),
    rowCount: whole('row_count').notNull(),
    version: whole('version').notNull(),
    updatedTs: timestamptz('updated_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.dataset, table.eventDay] })],
)

/** Offsets that Kafka no longer had when they were to be archived. */
export const archiveGaps = pgTable(
  'archive_gaps',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    fromOffset: whole('from_offset').notNull(),
    toOffset: whole('to_offset').notNull(),
    detectedTs: timestamptz('detected_ts').notNull().defaultNow(),
    log: integer('log').notNull().default(1),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.log, table.fromOffset] })],
)

/** Which attempt at putting a day's files together is the last one. */
export const archiveCompactions = pgTable(
  'archive_compactions',
  {
    dataset: text('dataset', { enum: ['clicks', 'purchases'] }).notNull(),
    eventDay: date('event_day').notNull(),
    fence: whole('fence').notNull(),
    updatedTs: timestamptz('updated_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.dataset, table.eventDay] })],
)

/** Files whose rows are in a larger one, until nobody can be reading them any more. */
export const archiveSupersededFiles = pgTable(
  'archive_superseded_files',
  {
    path: text('path').notNull(),
    supersededBy: text('superseded_by').notNull(),
    supersededTs: timestamptz('superseded_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.path] })],
)

/** Ticks of the log: they are in no file. */
export const archiveTicks = pgTable(
  'archive_ticks',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    log: integer('log').notNull(),
    kafkaOffset: whole('kafka_offset').notNull(),
    tickTs: timestamptz('tick_ts').notNull(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.log, table.kafkaOffset] })],
)
