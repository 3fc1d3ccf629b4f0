import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { REPLAY_FATES, REPLAY_OUTCOMES } from '../../domain/dead-letters/replay.js'
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

/** What the detector has done with the dead letters that were sent back. */
export const deadLetterFates = pgTable(
  'dead_letter_fates',
  {
    kafkaPartition: integer('kafka_partition').notNull(),
    kafkaOffset: whole('kafka_offset').notNull(),
    kafkaTs: timestamptz('kafka_ts').notNull(),
    replayId: text('replay_id').notNull(),
    fate: text('fate', { enum: REPLAY_FATES }).notNull(),
    code: text('code'),
    decidedTs: timestamptz('decided_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.kafkaPartition, table.kafkaOffset, table.kafkaTs, table.replayId] })],
)
