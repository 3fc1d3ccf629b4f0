import { TOPICS } from '../domain/events.js'
import { DAY_MS } from '../domain/utc-day.js'
import type { LogAdmin } from '../platform/kafka/admin.js'
import { findAppendAges } from '../platform/kafka/append-times.js'
import { withDeadline } from '../platform/resilience/deadline.js'

export interface Position {
  readonly topic: string
  readonly kafkaPartition: number
  readonly nextOffset: number
}

/** How far a partition's position is behind its log. */
export interface PartitionLag {
  readonly records: number
  /** Since Kafka got the next record; 0 when there is none. */
  readonly seconds: number
  /** The first offset that Kafka still has, and the one that the next record will get. */
  readonly logStart: number
  readonly logEnd: number
}

/** By `topic/partition`; undefined while Kafka does not answer. */
export type ReadLag = (positions: readonly Position[]) => Promise<ReadonlyMap<string, PartitionLag> | undefined>

/** What the detector reads, also while no partition of it has a position. */
const READ_TOPICS = [TOPICS.clicks, TOPICS.purchases]
const OLDEST_AGE_MS = 366 * DAY_MS
const MAX_QUESTIONS = 60

/** What a partition is found by in the answer of `ReadLag`. */
export const lagKey = ({ topic, kafkaPartition }: Omit<Position, 'nextOffset'>): string => `${topic}/${kafkaPartition}`

/**
 * Compares positions with the ends of their logs. Never fails: a caller's other figures do not depend on Kafka.
 * @param deadlineMs after so long, Kafka has not answered
 */
export function createLagReader(
  withLogs: <T>(work: (logs: LogAdmin) => Promise<T>) => Promise<T>,
  deadlineMs: number,
  nowMs: () => number,
): ReadLag {
  let isAsking = false
  const ask = async (positions: readonly Position[]) => {
    isAsking = true
    try {
      return await withLogs((logs) => readLags(logs, positions, nowMs))
    } catch {
      return undefined
    } finally {
      isAsking = false
    }
  }
  return async (positions) => {
    if (positions.length === 0) return new Map()
    if (isAsking) return undefined // Kafka has let the last deadline pass, and has not answered since
    return withDeadline(() => ask(positions), deadlineMs).catch(() => undefined)
  }
}

async function readLags(logs: LogAdmin, positions: readonly Position[], nowMs: () => number) {
  const lags = new Map<string, PartitionLag>()
  for (const topic of new Set([...READ_TOPICS, ...positions.map((position) => position.topic)])) {
    const behind = new Map<number, number>()
    const ends = new Map((await logs.offsets(topic)).map(({ partition, low, high }) => [partition, { low, high }]))
    const nextOffsets = new Map(positions.filter((p) => p.topic === topic).map((p) => [p.kafkaPartition, p.nextOffset]))
    // Also those that nobody has a position in: a partition that was added, and is not read yet.
    for (const kafkaPartition of new Set([...nextOffsets.keys(), ...ends.keys()])) {
      const { low = 0, high = 0 } = ends.get(kafkaPartition) ?? {}
      // What retention has deleted cannot be processed any more: it becomes a gap.
      const next = Math.max(nextOffsets.get(kafkaPartition) ?? 0, low)
      const records = Math.max(0, high - next)
      lags.set(lagKey({ topic, kafkaPartition }), { records, seconds: 0, logStart: low, logEnd: high })
      if (high > next) behind.set(kafkaPartition, next)
    }
    if (behind.size === 0) continue
    const search = { nowMs: nowMs(), oldestAgeMs: OLDEST_AGE_MS, maxQuestions: MAX_QUESTIONS }
    const ages = await findAppendAges((instantMs) => logs.offsetsAt(topic, instantMs), behind, search)
    for (const [kafkaPartition, ageMs] of ages) {
      const key = lagKey({ topic, kafkaPartition })
      const lag = lags.get(key)
      if (lag) lags.set(key, { ...lag, seconds: ageMs / 1_000 })
    }
  }
  return lags
}
