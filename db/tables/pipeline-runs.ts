import { jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz } from './column-types.js'

/** One row per run of a batch workflow. */
export const pipelineRuns = pgTable(
  'pipeline_runs',
  {
    workflowId: text('workflow_id').notNull(),
    runId: text('run_id').notNull(),
    workflowType: text('workflow_type').notNull(),
    status: text('status', { enum: ['running', 'completed', 'failed'] }).notNull(),
    startedTs: timestamptz('started_ts').notNull(),
    endedTs: timestamptz('ended_ts'),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [primaryKey({ columns: [table.workflowId, table.runId] })],
)
