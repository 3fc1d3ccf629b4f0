import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz, whole } from './column-types.js'

const counter = (name: string) => whole(name).notNull().default(0)

/** What became of the records of each minute. */
export const minuteCounts = pgTable(
  'minute_counts',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    clock: text('clock').notNull(),
    minute: timestamptz('minute').notNull(),
    accepted: counter('accepted'),
    duplicate: counter('duplicate'),
    late: counter('late'),
    dead: counter('dead'),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.clock, table.minute] })],
)

/** What producers say they have had acknowledged. */
export const producedCounts = pgTable(
  'produced_counts',
  {
    topic: text('topic').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    clock: text('clock').notNull(),
    minute: timestamptz('minute').notNull(),
    source: text('source').notNull(),
    records: whole('records').notNull(),
    reportedTs: timestamptz('reported_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.kafkaPartition, table.clock, table.minute, table.source] })],
)
