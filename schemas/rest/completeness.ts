import { z } from 'zod'
import { Timestamp } from './parameters.js'

const count = z.int().min(0)
const unknownCount = count.nullable()

const PartitionCompleteness = z
  .strictObject({
    topic: z.string(),
    kafka_partition: count,
    produced: z.int().nullable().meta({
      description: 'Records in Kafka since counting began, by its offsets; null while Kafka does not answer',
    }),
    accepted: count,
    duplicate: count,
    late: count,
    dead: count,
    ticks: count.meta({ description: 'Records that Guardian writes to idle partitions, so that their windows close' }),
    in_flight: unknownCount.meta({ description: 'Records that no checkpoint has passed, and Kafka still has' }),
    missing: z.int().nullable().meta({
      description:
        'produced - (accepted + duplicate + late + dead + ticks + in_flight). Below zero: the log is shorter than what was counted',
    }),
    in_data_gaps: count.meta({ description: 'Of the missing ones, those that a recorded data gap explains' }),
    reported: unknownCount.meta({
      description: 'What producers say they have had acknowledged, of the minutes that are kept; null when none says',
    }),
    reported_missing: unknownCount.meta({
      description:
        'At least so many of the reported records are not counted in their minutes, in flight, or without an event time',
    }),
    incomplete_minutes: unknownCount.meta({
      description: 'Minutes of which records were reported that are not counted: in flight, or missing',
    }),
    oldest_incomplete_minute: Timestamp.nullable().meta({ description: 'The start of the first of them' }),
  })
  .meta({ id: 'PartitionCompleteness' })

const MinuteCompleteness = z
  .strictObject({
    topic: z.string(),
    kafka_partition: count,
    minute: Timestamp.meta({ description: 'The start of a minute of event time' }),
    reported: unknownCount.meta({ description: 'By its producers; null when none reports it' }),
    accepted: count,
    duplicate: count,
    late: count,
    dead: count,
    uncounted: unknownCount.meta({ description: 'Reported and not counted: in flight, or missing' }),
  })
  .meta({ id: 'MinuteCompleteness' })

export const Completeness = z
  .strictObject({
    partitions: z.array(PartitionCompleteness),
    minutes: z.array(MinuteCompleteness).meta({
      description:
        'Of each partition the latest (API_COMPLETENESS_MINUTES), and all of which records were reported that are not counted; at most 500',
    }),
  })
  .meta({
    id: 'Completeness',
    description: 'Whether every record that was produced has exactly one fate, as of the last checkpoints',
  })
export type Completeness = z.output<typeof Completeness>
