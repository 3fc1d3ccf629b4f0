import { DEAD_LETTER_CODES } from '../detection/fate.js'
import { TOPICS } from '../events.js'
import { fingerprintOf, severityOf, type Observation, type Thresholds } from './observation.js'

/** How many dead letters of one cause a look found, and where the first of them lies. */
export interface DeadLetterGrowth {
  readonly code: string
  readonly topic: string
  readonly count: number
  /** Of `km.events.dlq.v1`. */
  readonly firstPartition: number
  readonly firstOffset: number
}

/** What a dead letter is counted under that does not say where it comes from, or says what nobody knows. */
export const OTHER = 'other'

const CODES: readonly string[] = DEAD_LETTER_CODES
const ORIGINS: readonly string[] = [TOPICS.clicks, TOPICS.purchases]

/**
 * Counts dead letters by cause. Headers can hold anything: a code or a topic that is not ours counts as `other`, so
 * that there are never more causes than codes times topics.
 */
export class DeadLetterCount {
  readonly #byCause = new Map<string, DeadLetterGrowth>()
  #records = 0

  get records(): number {
    return this.#records
  }

  add(code: string | undefined, topic: string | undefined, firstPartition: number, firstOffset: number): void {
    const known = {
      code: code !== undefined && CODES.includes(code) ? code : OTHER,
      topic: topic !== undefined && ORIGINS.includes(topic) ? topic : OTHER,
    }
    const key = `${known.code} ${known.topic}`
    const before = this.#byCause.get(key)
    this.#records += 1
    this.#byCause.set(
      key,
      before ? { ...before, count: before.count + 1 } : { ...known, count: 1, firstPartition, firstOffset },
    )
  }

  /** Most frequent first. */
  growth(): DeadLetterGrowth[] {
    return [...this.#byCause.values()].sort(
      (a, b) => b.count - a.count || (a.code + a.topic < b.code + b.topic ? -1 : 1),
    )
  }
}

/** What is counted as `other` cannot be asked for by name: all of the other part is shown then. */
function recordsPath({ code, topic }: Pick<DeadLetterGrowth, 'code' | 'topic'>): string {
  const named = Object.entries({ code, topic }).filter(([, name]) => name !== OTHER)
  const query = named.map(([part, name]) => `${part}=${name}`).join('&')
  return query === '' ? '/dlq/records' : `/dlq/records?${query}`
}

/** What the growth of the dead letters comes to, one observation per cause. */
export const observeDeadLetters = (
  growth: readonly DeadLetterGrowth[],
  thresholds: Thresholds,
): readonly Observation[] =>
  growth.map(({ code, topic, count, firstPartition, firstOffset }) => ({
    source: 'dead-letters',
    fingerprint: fingerprintOf('dead-letters', topic, code),
    cause: `Dead letters ${code} from ${topic === OTHER ? 'an unknown topic' : topic}`,
    severity: severityOf(count, thresholds),
    count,
    figures: { 'dead letters': count, first: `${TOPICS.deadLetters}/${firstPartition}@${firstOffset}` },
    links: [{ label: 'These dead letters', to: recordsPath({ code, topic }) }],
  }))
