import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz, whole } from './column-types.js'

/** Which log a topic has under its name; one that was never made anew has no row. */
export const topicLogs = pgTable(
  'topic_logs',
  {
    topic: text('topic').notNull(),
    log: integer('log').notNull(),
    beganTs: timestamptz('began_ts').notNull().defaultNow(),
    detectorEpoch: whole('detector_epoch').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.topic] })],
)
