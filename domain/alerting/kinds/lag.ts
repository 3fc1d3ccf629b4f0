import { fingerprintOf, type Observation } from '../observation.js'
import { countOf, spanWords } from '../words.js'

/** Who reads the log, and may be behind. */
export const LOG_READERS = ['detector', 'archiver'] as const
export type WatchedReader = (typeof LOG_READERS)[number]

/** How far one partition has been processed, against what Kafka had at two moments. */
export interface WatchedPartition {
  readonly topic: string
  readonly kafkaPartition: number
  readonly nextOffset: number
  readonly endOffset: number
  /** First offsets appended no longer ago than the limits. */
  readonly youngerThanWarning: number
  readonly youngerThanCritical: number
}

export interface LagLimits {
  readonly warningSeconds: number
  readonly criticalSeconds: number
}

const FIRST_STEPS: Readonly<Record<WatchedReader, string>> = {
  detector:
    'Check that a detector is running and that PostgreSQL, Kafka and the schema registry answer: `guardian doctor`. Nothing is lost; anomalies are late.',
  archiver:
    'Check that an archiver is running, that its disk or bucket has space and that PostgreSQL answers: `guardian doctor`. Records that Kafka deletes before they are archived are lost.',
}

/** One observation per topic whose next record has waited for longer than a limit, with its partitions counted. */
export function observeLag(
  reader: WatchedReader,
  partitions: readonly WatchedPartition[],
  limits: LagLimits,
): Observation[] {
  const behind = partitions.filter((p) => p.nextOffset < p.youngerThanWarning)
  return [...new Set(behind.map(({ topic }) => topic))].map((topic) => {
    const own = behind.filter((p) => p.topic === topic)
    const isCritical = own.some((p) => p.nextOffset < p.youngerThanCritical)
    const records = own.reduce((sum, p) => sum + p.endOffset - p.nextOffset, 0)
    const seconds = isCritical ? limits.criticalSeconds : limits.warningSeconds
    return {
      source: `${reader}-lag`,
      fingerprint: fingerprintOf(`${reader}-lag`, topic),
      cause: `The ${reader} is behind on ${topic}`,
      severity: isCritical ? 'critical' : 'warning',
      count: 0,
      summary:
        `The ${reader} is ${countOf(records, 'record')} behind on ${topic}, in ${countOf(own.length, 'partition')}; ` +
        `the oldest has waited for more than ${seconds < 120 ? countOf(seconds, 'second') : spanWords(seconds * 1_000)}.`,
      sample: null,
      firstStep: FIRST_STEPS[reader],
      figures: {
        'waiting for more than': `${seconds} s`,
        'partitions behind': own.length,
        'records behind': records,
      },
      links: [],
    }
  })
}
