import { integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz } from './column-types.js'

/** The versions of every rule; at most one of a rule is active, and one in shadow. */
export const rules = pgTable(
  'rules',
  {
    ruleId: text('rule_id').notNull(),
    version: integer('version').notNull(),
    kind: text('kind').notNull(),
    state: text('state', { enum: ['draft', 'shadow', 'active', 'retired'] }).notNull(),
    parameters: jsonb('parameters').$type<Record<string, unknown>>().notNull(),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    stateTs: timestamptz('state_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.ruleId, table.version] })],
)
