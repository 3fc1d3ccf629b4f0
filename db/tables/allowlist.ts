import { pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { ALLOWLIST_KINDS } from '../../domain/review/allowlist.js'
import { cidr, timestamptz } from './column-types.js'

/** Whose anomalies are not acted on. */
export const allowlistEntries = pgTable(
  'allowlist_entries',
  {
    entryId: text('entry_id').notNull(),
    kind: text('kind', { enum: ALLOWLIST_KINDS }).notNull(),
    value: text('value').notNull(),
    addressRange: cidr('address_range'),
    reason: text('reason').notNull(),
    createdBy: text('created_by').notNull(),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    startsTs: timestamptz('starts_ts').notNull(),
    endsTs: timestamptz('ends_ts').notNull(),
  },
  (table) => [primaryKey({ columns: [table.entryId] })],
)
