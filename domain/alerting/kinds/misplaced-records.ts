import { fingerprintOf, type Observation } from '../observation.js'
import { countOf } from '../words.js'

/** Records of one producer that were read since the last look, and are not where their session belongs. */
export interface WatchedMisplaced {
  readonly topic: string
  readonly source: string
  /** Since the beginning. */
  readonly misplaced: number
  readonly keyless: number
}

const FIRST_STEP =
  "Have the producer use the session as the key and Kafka's default partitioner: murmur2, as in the Java client (librdkafka: partitioner=murmur2_random)."

/** Detection counts a session on one partition: one that is split is not flagged, or flagged too late. */
export const observeMisplaced = (found: readonly WatchedMisplaced[]): Observation[] =>
  found.map(({ topic, source, misplaced, keyless }) => {
    const records = Math.max(misplaced, keyless)
    return {
      source: 'misplaced-records',
      fingerprint: fingerprintOf('misplaced-records', topic, source),
      cause: `Records of ${topic} are on the wrong partition`,
      severity: 'warning',
      count: records,
      summary:
        `Source ${source} has sent ${countOf(misplaced, 'record')} to ${topic} that ${misplaced === 1 ? 'is' : 'are'} not on the partition of ` +
        `their session, and ${countOf(keyless, 'record')} without a key. Sessions that are split over partitions can go unnoticed; their anomalies are marked incomplete.`,
      sample: null,
      firstStep: FIRST_STEP,
      figures: { source, misplaced, keyless },
      links: [],
    }
  })
