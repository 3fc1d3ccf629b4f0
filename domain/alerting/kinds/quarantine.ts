import type { QuarantineReason } from '../../kpi/quarantine.js'
import { fingerprintOf, type Observation } from '../observation.js'
import { countOf, numberWords } from '../words.js'

/** The records of one topic that wait for a decision. */
export interface WatchedQuarantine {
  readonly topic: string
  readonly records: number
  /** How many days are published without them, and the first and the last of those days. */
  readonly days: number
  readonly firstDay: string
  readonly lastDay: string
  /** The one that was found first. */
  readonly samplePartition: number
  readonly sampleOffset: number
  readonly sampleSource: string | null
  readonly sampleReason: QuarantineReason
  readonly sampleField: string | null
}

const REASON_WORDS: Readonly<Record<QuarantineReason, string>> = {
  MISSING_FIELD: 'a field that a KPI needs is missing',
  UNKNOWN_EVENT_TYPE: 'its event type is not known',
  OUT_OF_BOUNDS: 'a field is out of bounds',
  REVENUE_OVERFLOW: 'the revenue of its day cannot hold its amount',
  UNITS_OVERFLOW: 'the units of its day cannot hold its quantity',
}

/** The KPIs of a day are published without its quarantined records, until a person decides on each. */
export const observeQuarantine = (found: readonly WatchedQuarantine[]): Observation[] =>
  found.map((one) => ({
    source: 'quarantine',
    fingerprint: fingerprintOf('quarantine', one.topic),
    cause: `Records of ${one.topic} wait for a decision`,
    severity: 'warning',
    count: 0,
    summary:
      `${countOf(one.records, 'record')} of ${one.topic} ${one.records === 1 ? 'is' : 'are'} quarantined: the KPIs of ` +
      `${one.days === 1 ? one.firstDay : `${countOf(one.days, 'day')} (${one.firstDay} to ${one.lastDay})`} are published without ${one.records === 1 ? 'it' : 'them'}.`,
    sample:
      `One is at offset ${numberWords(one.sampleOffset)} of partition ${one.samplePartition}, ` +
      `${one.sampleSource === null ? 'without a source' : `from source ${one.sampleSource}`}: ${REASON_WORDS[one.sampleReason]} (${one.sampleField === null ? '' : `${one.sampleField}, `}${one.sampleReason}).`,
    firstStep:
      'Inspect the records with `guardian kpi quarantine list --state quarantined`, then decide on each with `guardian kpi quarantine release` or `drop`.',
    figures: { records: one.records, days: one.days },
    links: [],
  }))
