import type { CompletenessRows, MinuteRow, PartitionCounts } from '../db/read-models/completeness.js'
import { Gauge, type Registry } from '../platform/metrics.js'
import type { Completeness } from '../schemas/rest/completeness.js'
import { lagKey, type PartitionLag } from './partition-lag.js'

type PartitionAnswer = Completeness['partitions'][number]

/**
 * Holds what became of records against two other opinions: the offsets that Kafka has given out, and what producers report.
 * @param lags what Kafka says, asked after the rows were read; undefined while it does not answer
 */
export function completenessOf(
  { partitions, minutes }: CompletenessRows,
  lags: ReadonlyMap<string, PartitionLag> | undefined,
): Completeness {
  const known = new Set(partitions.map(lagKey))
  const unread = [...(lags ?? [])].filter(([key]) => !known.has(key)).map(([key, lag]) => unreadPartition(key, lag))
  return {
    partitions: [...partitions.map((counts) => partitionAnswer(counts, lags?.get(lagKey(counts)))), ...unread],
    minutes: minutes.map(minuteAnswer),
  }
}

function partitionAnswer(counts: PartitionCounts, lag: PartitionLag | undefined): PartitionAnswer {
  const { topic, kafkaPartition, accepted, duplicate, late, dead, inDataGaps, reported } = counts
  const told = { topic, kafka_partition: kafkaPartition, accepted, duplicate, late, dead, in_data_gaps: inDataGaps }
  if (!lag) return { ...told, produced: null, in_flight: null, missing: null, reported, reported_missing: null }
  const produced = lag.logEnd - counts.firstOffset - counts.voidOffsets
  const inFlight = Math.max(0, lag.logEnd - Math.max(counts.nextOffset, lag.logStart))
  const missing = produced - (accepted + duplicate + late + dead) - inFlight
  // What is in flight, or has no event time, can be of any minute: so many of them may not be missing at all.
  const reportedMissing = Math.max(0, counts.uncounted - inFlight - counts.undated)
  return {
    ...told,
    produced,
    in_flight: inFlight,
    missing,
    reported,
    reported_missing: reported === null ? null : reportedMissing,
  }
}

/** A partition that no detector has ever taken. */
function unreadPartition(key: string, { logStart, logEnd }: PartitionLag): PartitionAnswer {
  const [topic = '', partition = ''] = key.split('/')
  const records = logEnd - logStart
  return {
    topic,
    kafka_partition: Number(partition),
    produced: records,
    accepted: 0,
    duplicate: 0,
    late: 0,
    dead: 0,
    in_flight: records,
    missing: 0,
    in_data_gaps: 0,
    reported: null,
    reported_missing: null,
  }
}

function minuteAnswer(row: MinuteRow): Completeness['minutes'][number] {
  const { topic, kafkaPartition, minute, reported, accepted, duplicate, late, dead } = row
  const difference = reported === null ? null : Math.max(0, reported - (accepted + duplicate + late + dead))
  return {
    topic,
    kafka_partition: kafkaPartition,
    minute: minute.toISOString(),
    reported,
    accepted,
    duplicate,
    late,
    dead,
    uncounted: difference,
  }
}

const FIGURES = [
  'produced',
  'accepted',
  'duplicate',
  'late',
  'dead',
  'in_flight',
  'missing',
  'in_data_gaps',
  'reported',
  'reported_missing',
] as const

/** The same as metrics, read when they are asked for. A figure that is not known has no series. */
export function observeCompleteness(registry: Registry, read: () => Promise<Completeness>): void {
  new Gauge({
    registers: [registry],
    name: 'guardian_completeness_records',
    help: 'Records produced, by what became of them, and those that are missing',
    labelNames: ['topic', 'partition', 'what'],
    async collect() {
      this.reset()
      const { partitions } = await read().catch(() => ({ partitions: [] }))
      for (const partition of partitions)
        for (const what of FIGURES) {
          const value = partition[what]
          const labels = { topic: partition.topic, partition: partition.kafka_partition, what }
          if (value !== null) this.set(labels, value)
        }
    },
  })
}
