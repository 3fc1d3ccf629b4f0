import { TOPICS } from '../../domain/events.js'
import { readTopics } from '../support/dump-topic.js'
import type { DumpedRecord } from '../support/run-oracle.js'
import { readLetters, type Letter } from './dead-letters.js'
import type { VerifiedLog } from './verified-log.js'

export interface LetterCheck {
  /** Dead letters in the topic, once repeats are left out. */
  readonly letters: number
  readonly repeats: number
  readonly differences: readonly string[]
}

const LONGEST_REASON = 256

interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}
const placeOf = ({ topic, partition, offset }: Place): string => `${topic}/${partition}/${offset}`

/** What is wrong with a dead letter, compared with the record that it came from and the code that it must bear. */
function faultsOf({ record: letter, code: stated, reason }: Letter, record: DumpedRecord, code: string): string[] {
  const faults: string[] = []
  if (letter.key !== record.key) faults.push('another key')
  if (letter.value !== record.value) faults.push('another value')
  for (const [name, values] of Object.entries(record.headers))
    if (values.some((value, at) => letter.headers[name]?.[at] !== value)) faults.push(`another header ${name}`)
  if (stated !== code) faults.push(`code ${stated}, not ${code}`)
  const stage = Buffer.from(letter.headers['__connect.errors.stage']?.at(-1) ?? '', 'base64').toString()
  const expected = code === 'DECODE' || code === 'TOO_LARGE' ? 'VALUE_CONVERTER' : 'TRANSFORMATION'
  if (stage !== expected) faults.push(`stage ${stage}, not ${expected}`)
  if (reason === '' || reason.length > LONGEST_REASON) faults.push(`a reason of ${reason.length} characters`)
  return faults
}

/** Holds the dead-letter topic against the log: each dead record once, with its bytes, its origin and its reason. */
export async function checkLetters({ stage, oracle }: VerifiedLog): Promise<LetterCheck> {
  const records = await readTopics(stage.brokers, [TOPICS.clicks, TOPICS.purchases])
  const log = new Map(records.map((record) => [placeOf(record), record]))
  const expected = new Map(oracle.dead.map((dead) => [placeOf(dead), dead.code]))
  const { letters, repeated } = await readLetters(stage.brokers)
  const differences: string[] = []
  for (const [place, letter] of letters) {
    const [record, code] = [log.get(place), expected.get(place)]
    if (!record || code === undefined) differences.push(`a dead letter of ${place}, which is not dead`)
    else
      for (const fault of faultsOf(letter, record, code)) differences.push(`the dead letter of ${place} has ${fault}`)
  }
  for (const place of expected.keys()) if (!letters.has(place)) differences.push(`no dead letter of ${place}`)
  return { letters: letters.size, repeats: repeated, differences }
}
