import { boolean, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { VERDICTS } from '../../domain/review/verdict.js'
import { timestamptz } from './column-types.js'

/** What people have said of anomalies: every verdict, of which the last is current. */
export const anomalyVerdicts = pgTable(
  'anomaly_verdicts',
  {
    windowStart: timestamptz('window_start').notNull(),
    sessionId: text('session_id').notNull(),
    ruleId: text('rule_id').notNull(),
    mode: text('mode', { enum: ['active', 'shadow'] }).notNull(),
    version: integer('version').notNull(),
    verdict: text('verdict', { enum: VERDICTS }).notNull(),
    comment: text('comment').notNull(),
    author: text('author').notNull(),
    authorName: text('author_name').notNull(),
    decidedTs: timestamptz('decided_ts').notNull().defaultNow(),
    isCurrent: boolean('is_current').notNull().default(true),
  },
  (table) => [primaryKey({ columns: [table.windowStart, table.sessionId, table.ruleId, table.mode, table.version] })],
)
