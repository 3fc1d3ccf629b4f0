import { fingerprintOf, type Observation } from '../observation.js'
import { countOf, numberWords } from '../words.js'

/** The data gaps of one partition and cause. */
export interface WatchedGaps {
  readonly topic: string
  readonly kafkaPartition: number
  /** Why they were not read. */
  readonly cause: string
  readonly gaps: number
  /** In all of them. */
  readonly offsets: number
  readonly firstOffset: number
}

interface GapWords {
  readonly why: string
  readonly firstStep: string
}

const RESEND = 'If the shop still has these events, send them again with the same event ids'

const WORDS: Readonly<Record<string, GapWords>> = {
  retention: {
    why: 'Kafka had deleted them before the detector read them',
    firstStep: `${RESEND}; raise the retention of the topic until the detector keeps up.`,
  },
  too_large: {
    why: 'their batch unpacks to more than the detector accepts',
    firstStep: 'Find the producer that sends such batches; `guardian dlq list --cause TOO_LARGE` lists their offsets.',
  },
  undecodable: {
    why: 'their batch cannot be unpacked',
    firstStep: 'Find the producer that sends such batches; `guardian dlq list --cause DECODE` lists their offsets.',
  },
  'not archived': {
    why: 'Kafka had deleted them before the archiver read them',
    firstStep: `${RESEND}; raise the retention of the topic until the archiver keeps up.`,
  },
}

const OTHER: GapWords = { why: 'the reason is unknown', firstStep: `${RESEND}.` }

/** Records that were not read are never a warning: they are lost, or have to be fetched by hand. */
export const observeGaps = (found: readonly WatchedGaps[]): Observation[] =>
  found.map(({ topic, kafkaPartition, cause, gaps, offsets, firstOffset }) => {
    const { why, firstStep } = WORDS[cause] ?? OTHER
    return {
      source: 'data-gaps',
      fingerprint: fingerprintOf('data-gaps', topic, String(kafkaPartition), cause),
      cause: `Records of ${topic}, partition ${kafkaPartition}, were not read (${cause.replaceAll('_', ' ')})`,
      severity: 'critical',
      count: offsets,
      summary: `${countOf(offsets, 'record')} of ${topic}, partition ${kafkaPartition}, ${offsets === 1 ? 'was' : 'were'} not read: ${why}.`,
      sample: `The first is at offset ${numberWords(firstOffset)}.`,
      firstStep,
      figures: { gaps, 'offsets not read': offsets, 'first offset': firstOffset, why: cause },
      links: [],
    }
  })
