import { z } from 'zod'
import { Completeness } from './completeness.js'
import { AnomalyMode, AnomalyStatus } from './anomalies.js'
import { Timestamp } from './parameters.js'

const count = z.int().min(0)

export const PartitionStats = z
  .strictObject({
    topic: z.string(),
    kafka_partition: count,
    accepted: count,
    duplicate: count,
    late: count,
    dead: count,
    next_offset: count.meta({ description: 'Where the detector goes on' }),
    watermark: Timestamp.nullable().meta({ description: 'Older events are late; null before the first event' }),
    lag_records: count
      .nullable()
      .meta({ description: 'Records in Kafka that no checkpoint has passed; null while Kafka does not answer' }),
    lag_seconds: z
      .number()
      .min(0)
      .nullable()
      .meta({ description: 'Since Kafka got the next of them, to 2 %; 0 when there is none' }),
    seconds_to_clear: z.number().min(0).nullable().meta({
      description: 'How long the backlog takes at the recent pace, if nothing more comes; null while nothing moves',
    }),
    updated_ts: Timestamp.meta({ description: 'The last checkpoint' }),
  })
  .meta({ id: 'PartitionStats' })

export const Stats = z
  .strictObject({
    generated_ts: Timestamp,
    totals: z
      .strictObject({
        accepted: count,
        duplicate: count,
        late: count,
        dead: count,
        data_gaps: count,
        lag_records: count.nullable().meta({ description: 'Of all partitions; null while Kafka does not answer' }),
        lag_seconds: z.number().min(0).nullable().meta({ description: 'Of the partition that is furthest behind' }),
      })
      .meta({ description: 'Since the beginning, over all partitions, as of their last checkpoints' }),
    partitions: z.array(PartitionStats),
    completeness: Completeness,
    misplaced: z
      .array(
        z.strictObject({
          topic: z.string(),
          source: z.string().meta({ description: '`source` of the events; `other` beyond 50 of a partition' }),
          misplaced: count.meta({ description: 'Not on the partition of their session' }),
          keyless: count.meta({ description: 'Without a key' }),
          last_ts: Timestamp,
        }),
      )
      .meta({ description: 'Producers whose records are on a wrong partition or have no key, most records first' }),
    anomalies: z
      .strictObject({
        from: Timestamp,
        to: Timestamp,
        total: count,
        groups: z.array(
          z.strictObject({
            rule_id: z.string(),
            mode: AnomalyMode,
            status: AnomalyStatus,
            anomalies: count,
            sessions: count.meta({ description: 'Different sessions among them' }),
          }),
        ),
      })
      .meta({ description: 'Windows that start in [from, to), which is 24 hours' }),
  })
  .meta({ id: 'Stats' })
export type Stats = z.output<typeof Stats>
