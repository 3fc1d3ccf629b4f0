import { json, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { bytea, timestamptz } from './column-types.js'

/** Requests that may be repeated, and what was answered. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    keyId: text('key_id').notNull(),
    idempotencyKey: text('idempotency_key').notNull(),
    digest: bytea('digest').notNull(),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    answeredTs: timestamptz('answered_ts'),
    answer: json('answer').$type<unknown>(),
    changedTs: timestamptz('changed_ts'),
  },
  (table) => [primaryKey({ columns: [table.keyId, table.idempotencyKey] })],
)
