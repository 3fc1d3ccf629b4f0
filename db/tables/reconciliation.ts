import { date, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz, whole } from './column-types.js'

/** How the anomalies of a day compare with those that the archive gives. */
export const reconciliations = pgTable(
  'reconciliations',
  {
    day: date('day').notNull(),
    expectedRows: whole('expected_rows').notNull(),
    storedRows: whole('stored_rows').notNull(),
    missing: whole('missing').notNull(),
    extra: whole('extra').notNull(),
    different: whole('different').notNull(),
    reconciledTs: timestamptz('reconciled_ts').notNull(),
  },
  (table) => [primaryKey({ columns: [table.day] })],
)

/** Rows that one side has and the other has not, or has otherwise. */
export const reconciliationDifferences = pgTable(
  'reconciliation_differences',
  {
    day: date('day').notNull(),
    kind: text('kind', { enum: ['missing', 'extra', 'different'] }).notNull(),
    sessionId: text('session_id').notNull(),
    ruleId: text('rule_id').notNull(),
    mode: text('mode').notNull(),
    windowStart: timestamptz('window_start').notNull(),
    expected: jsonb('expected'),
    stored: jsonb('stored'),
  },
  (table) => [primaryKey({ columns: [table.day, table.windowStart, table.sessionId, table.ruleId, table.mode] })],
)
