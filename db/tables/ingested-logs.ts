import { pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz } from './column-types.js'

/** Access logs that were ingested, by the hash of their first line: a renamed file is the same log. */
export const ingestedLogs = pgTable(
  'ingested_logs',
  {
    topic: text('topic').notNull(),
    server: text('server').notNull(),
    headHash: text('head_hash').notNull(),
    host: text('host').notNull(),
    path: text('path').notNull(),
    readToTs: timestamptz('read_to_ts').notNull(),
    firstReadTs: timestamptz('first_read_ts').notNull().defaultNow(),
    lastReadTs: timestamptz('last_read_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.server, table.headHash] })],
)
