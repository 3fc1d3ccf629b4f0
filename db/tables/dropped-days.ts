import { bigint, date, pgTable, primaryKey } from 'drizzle-orm/pg-core'
import { timestamptz } from './column-types.js'

/** Days of anomaly_sessions that were dropped, when they were past their retention. */
export const droppedDays = pgTable(
  'dropped_days',
  {
    day: date('day').notNull(),
    rowCount: bigint('row_count', { mode: 'number' }).notNull(),
    droppedTs: timestamptz('dropped_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.day] })],
)
