import { DEAD_LETTER_CODES, type DeadLetterCode } from '../../detection/fate.js'
import { TOPICS } from '../../events.js'
import { fingerprintOf, severityOf, type Observation, type Thresholds } from '../observation.js'
import { countOf, numberWords, oneLine, someOf, spanWords } from '../words.js'

/** What a dead letter is counted under that does not say where it comes from, or says what nobody knows. */
export const OTHER = 'other'

/** One dead letter, as far as an alert looks at it. Its texts are from outside: anything. */
export interface CountedLetter {
  /** Of `km.events.dlq.v1`. */
  readonly partition: number
  readonly offset: number
  /** When it became a dead letter. */
  readonly appendMs: number
  readonly code: string | undefined
  /** Where it came from. */
  readonly topic: string | undefined
  readonly originPartition: string | undefined
  readonly originOffset: string | undefined
  /** What is wrong with it, in the detector's words. */
  readonly fault: string | undefined
  /** The producer that sent it; undefined when nothing tells. */
  readonly source: string | undefined
}

/** The dead letters of one cause that a look found. */
export interface DeadLetterGrowth {
  readonly code: DeadLetterCode | typeof OTHER
  readonly topic: string
  readonly count: number
  readonly first: CountedLetter
  readonly firstMs: number
  /** How many of each source, as far as it is known. */
  readonly bySource: ReadonlyMap<string, number>
}

const CODES: readonly string[] = DEAD_LETTER_CODES
const ORIGINS: readonly string[] = [TOPICS.clicks, TOPICS.purchases]
/** Sources of one cause that are counted; a producer that makes names up must not take memory. */
const MAX_SOURCES = 100
/** A name of a producer. Whatever else stands in its place, such as an address, is not repeated. */
const SOURCE = /^[A-Za-z][\w.-]{0,63}$/

interface Counting {
  readonly growth: Omit<DeadLetterGrowth, 'count' | 'firstMs' | 'bySource'>
  readonly bySource: Map<string, number>
  count: number
  firstMs: number
}

/**
 * Counts dead letters by cause. Headers can hold anything: a code or a topic that is not ours counts as `other`, so
 * that there are never more causes than codes times topics.
 */
export class DeadLetterCount {
  readonly #byCause = new Map<string, Counting>()
  #records = 0

  get records(): number {
    return this.#records
  }

  add(letter: CountedLetter): void {
    const { topic, appendMs, source } = letter
    const growth = {
      code: isCode(letter.code) ? letter.code : OTHER,
      topic: topic !== undefined && ORIGINS.includes(topic) ? topic : OTHER,
      first: letter,
    } as const
    const key = `${growth.code} ${growth.topic}`
    const counting = this.#byCause.get(key) ?? {
      growth,
      bySource: new Map<string, number>(),
      count: 0,
      firstMs: appendMs,
    }
    this.#records += 1
    counting.count += 1
    counting.firstMs = Math.min(counting.firstMs, appendMs)
    if (source !== undefined && SOURCE.test(source)) {
      const { bySource } = counting
      if (bySource.has(source) || bySource.size < MAX_SOURCES) bySource.set(source, (bySource.get(source) ?? 0) + 1)
    }
    this.#byCause.set(key, counting)
  }

  /** Most frequent first. */
  growth(): DeadLetterGrowth[] {
    return [...this.#byCause.values()]
      .map(({ growth, ...rest }) => ({ ...growth, ...rest }))
      .sort((a, b) => b.count - a.count || (a.code + a.topic < b.code + b.topic ? -1 : 1))
  }
}

const isCode = (code: string | undefined): code is DeadLetterCode => code !== undefined && CODES.includes(code)

interface CodeWords {
  /** Of the records: "could not be decoded". */
  readonly what: string
  /** The cause without a number: "Records of km.clicks.v1 cannot be decoded". */
  readonly cause: string
  readonly firstStep: string
}

const WORDS: Readonly<Record<DeadLetterCode | typeof OTHER, CodeWords>> = {
  DECODE: {
    what: 'could not be decoded',
    cause: 'cannot be decoded',
    firstStep:
      'Find out what the producer changed: the schema that it writes with must be registered and compatible. After it is repaired,',
  },
  INVALID: {
    what: 'had a field that is not valid',
    cause: 'have fields that are not valid',
    firstStep: 'Have the producer repair the field that the example names. Then',
  },
  FUTURE_TIMESTAMP: {
    what: 'had a time in the future',
    cause: 'have times in the future',
    firstStep: 'Set the clock of the producer. Then',
  },
  TOO_LARGE: {
    what: 'were too large',
    cause: 'are too large',
    firstStep: 'Have the producer send smaller records, or raise MAX_RECORD_BYTES. Then',
  },
  other: {
    what: 'could not be processed',
    cause: 'cannot be processed',
    firstStep: 'Find out what wrote them: their headers do not name a known reason. Then',
  },
}

const MAX_NAMED_SOURCES = 3
const MAX_FAULT = 200

/** What the growth of the dead letters comes to, one observation per cause. @param nowMs of the look */
export const observeDeadLetters = (
  growth: readonly DeadLetterGrowth[],
  thresholds: Thresholds,
  nowMs: number,
): readonly Observation[] =>
  growth.map((one) => {
    const { code, topic, count, first } = one
    const words = WORDS[code]
    const from = topic === OTHER ? 'an unknown topic' : topic
    const cause = code === OTHER ? '' : ` --cause ${code}`
    return {
      source: 'dead-letters',
      fingerprint: fingerprintOf('dead-letters', topic, code),
      cause: `Records of ${from} ${words.cause}`,
      severity: severityOf(count, thresholds),
      count,
      summary:
        `${countOf(count, 'record')} ${count === 1 ? words.what.replace(/^were /, 'was ') : words.what} ` +
        `in the last ${spanWords(nowMs - one.firstMs)}, ${sourcesOf(one)} (${from}).`,
      sample: sampleOf(first),
      firstStep: `${words.firstStep} \`guardian dlq replay${cause} --dry-run\` says how many can be sent back.`,
      figures: {
        'dead letters': count,
        first: `${TOPICS.deadLetters}/${first.partition}@${first.offset}`,
        'to list them': `guardian dlq list${cause}`,
      },
      links: [],
    }
  })

/** The most frequent first; what names no source is not counted to one. */
function sourcesOf({ count, bySource }: DeadLetterGrowth): string {
  const named = [...bySource].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  if (named.length === 0) return 'from an unknown source'
  const known = named.reduce((sum, [, n]) => sum + n, 0)
  const names = named.map(([name, n]) => (named.length > 1 ? `${name} (${numberWords(n)})` : name))
  const word = named.length === 1 ? 'source' : 'sources'
  const rest = known === count ? '' : `; of ${numberWords(count - known)} the source is unknown`
  return `from ${word} ${someOf(names, MAX_NAMED_SOURCES)}${rest}`
}

const isNumber = (text: string | undefined): text is string => text !== undefined && /^\d{1,19}$/.test(text)

function sampleOf({ partition, offset, topic, originPartition, originOffset, fault }: CountedLetter): string {
  const where =
    topic !== undefined && ORIGINS.includes(topic) && isNumber(originPartition) && isNumber(originOffset)
      ? `${topic}, partition ${originPartition}, offset ${numberWords(Number(originOffset))}`
      : `${TOPICS.deadLetters}, partition ${partition}, offset ${numberWords(offset)}`
  return `${where}: ${fault === undefined || fault.trim() === '' ? 'no reason is given in its headers' : oneLine(fault, MAX_FAULT)}.`
}

/** Dead letters that Kafka deleted before a look came to them. */
export const observeDeletedDeadLetters = (missed: number): Observation[] =>
  missed === 0
    ? []
    : [
        {
          source: 'dead-letters',
          fingerprint: 'dead-letters:deleted-uncounted',
          cause: 'Dead letters were deleted before they were counted',
          severity: 'critical',
          count: missed,
          summary: `${countOf(missed, 'dead letter')} ${missed === 1 ? 'was' : 'were'} deleted by Kafka before the orchestrator counted ${missed === 1 ? 'it' : 'them'}.`,
          sample: null,
          firstStep: `Raise the retention of ${TOPICS.deadLetters}: it is shorter than the orchestrator was away.`,
          figures: { 'offsets gone': missed, topic: TOPICS.deadLetters },
          links: [],
        },
      ]
