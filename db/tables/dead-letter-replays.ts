import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { REPLAY_OUTCOMES } from '../../domain/dead-letters/replay.js'
import { timestamptz, whole } from './column-types.js'

/** What every replay has done with every dead letter that it looked at. */
export const deadLetterReplays = pgTable(
  'dead_letter_replays',
  {
    kafkaPartition: integer('kafka_partition').notNull(),
    kafkaOffset: whole('kafka_offset').notNull(),
    kafkaTs: timestamptz('kafka_ts').notNull(),
    replayId: text('replay_id').notNull(),
    outcome: text('outcome', { enum: REPLAY_OUTCOMES }).notNull(),
    code: text('code'),
    topic: text('topic'),
    attempt: integer('attempt').notNull(),
    fault: text('fault'),
    decidedTs: timestamptz('decided_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.kafkaPartition, table.kafkaOffset, table.kafkaTs, table.replayId] })],
)
