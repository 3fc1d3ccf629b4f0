import { date, pgTable, primaryKey } from 'drizzle-orm/pg-core'
import { timestamptz, whole } from './column-types.js'

/** Days of anomaly_sessions that were dropped, when they were past their retention. */
export const droppedDays = pgTable(
  'dropped_days',
  {
    day: date('day').notNull(),
    rowCount: whole('row_count').notNull(),
    droppedTs: timestamptz('dropped_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.day] })],
)
