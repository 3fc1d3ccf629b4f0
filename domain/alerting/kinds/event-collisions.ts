import { fingerprintOf, type Observation } from '../observation.js'
import { countOf, numberWords } from '../words.js'

/** The collisions of one topic since the last evaluation. */
export interface WatchedCollisions {
  readonly topic: string
  readonly events: number
  readonly samplePartition: number
  readonly sampleOffset: number
}

/** A producer reuses event ids within a session: the later events are lost to every figure. */
export const observeCollisions = (found: readonly WatchedCollisions[]): Observation[] =>
  found.map(({ topic, events, samplePartition, sampleOffset }) => ({
    source: 'event-collisions',
    fingerprint: fingerprintOf('event-collisions', topic),
    cause: `Events of ${topic} reuse an event id within their session`,
    severity: 'warning',
    count: events,
    summary:
      `${countOf(events, 'event')} of ${topic} ${events === 1 ? 'has' : 'have'} the session and the event id of an earlier event ` +
      'and other contents: only the first event of each counts.',
    sample: `One is at offset ${numberWords(sampleOffset)} of partition ${samplePartition}.`,
    firstStep:
      'Find the producer by the `source` of that record, and correct how it makes event ids: one id for each event, and the same id and contents in each retry.',
    figures: { events, partition: samplePartition, offset: sampleOffset },
    links: [],
  }))
