import { date, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz, whole } from './column-types.js'

/** Rules that are tested on archived days. */
export const backTests = pgTable(
  'back_tests',
  {
    backTestId: text('back_test_id').notNull(),
    ruleId: text('rule_id').notNull(),
    candidate: jsonb('candidate').notNull(),
    inForce: jsonb('in_force'),
    fromDay: date('from_day').notNull(),
    toDay: date('to_day').notNull(),
    state: text('state', { enum: ['queued', 'running', 'completed', 'failed'] })
      .notNull()
      .default('queued'),
    createdBy: text('created_by').notNull(),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    endedTs: timestamptz('ended_ts'),
    reason: text('reason'),
    result: jsonb('result'),
  },
  (table) => [primaryKey({ columns: [table.backTestId] })],
)

/** What came of each partition of the clicks; until then, how far it is. */
export const backTestParts = pgTable(
  'back_test_parts',
  {
    backTestId: text('back_test_id').notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    records: whole('records').notNull(),
    recordsRead: whole('records_read').notNull().default(0),
    result: jsonb('result'),
  },
  (table) => [primaryKey({ columns: [table.backTestId, table.kafkaPartition] })],
)
