import type { CompletenessRows, MinuteRow, PartitionCounts } from '../db/read-models/completeness.js'
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
  const { topic, kafkaPartition, accepted, duplicate, late, dead, ticks, inDataGaps, reported } = counts
  const told = {
    topic,
    kafka_partition: kafkaPartition,
    accepted,
    duplicate,
    late,
    dead,
    ticks,
    in_data_gaps: inDataGaps,
  }
  const incomplete = {
    incomplete_minutes: reported === null ? null : counts.incompleteMinutes,
    oldest_incomplete_minute: counts.oldestIncompleteMinute?.toISOString() ?? null,
  }
  if (!lag)
    return { ...told, produced: null, in_flight: null, missing: null, reported, reported_missing: null, ...incomplete }
  const produced = lag.logEnd - counts.firstOffset - counts.voidOffsets
  const inFlight = Math.max(0, lag.logEnd - Math.max(counts.nextOffset, lag.logStart))
  const missing = produced - (accepted + duplicate + late + dead + ticks) - inFlight
  // What is in flight, or has no event time, can be of any minute: so many of them may not be missing at all.
  const reportedMissing = Math.max(0, counts.uncounted - inFlight - counts.undated)
  return {
    ...told,
    produced,
    in_flight: inFlight,
    missing,
    reported,
    reported_missing: reported === null ? null : reportedMissing,
    ...incomplete,
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
    ticks: 0,
    in_flight: records,
    missing: 0,
    in_data_gaps: 0,
    reported: null,
    reported_missing: null,
    incomplete_minutes: null,
    oldest_incomplete_minute: null,
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
