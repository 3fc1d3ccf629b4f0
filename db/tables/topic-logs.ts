import { bigint, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz } from './column-types.js'

/** Which log a topic has under its name; one that was never made anew has no row. */
export const topicLogs = pgTable(
  'topic_logs',
  {
    topic: text('topic').notNull(),
    log: integer('log').notNull(),
    beganTs: timestamptz('began_ts').notNull().defaultNow(),
    detectorEpoch: bigint('detector_epoch', { mode: 'number' }).notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.topic] })],
)
