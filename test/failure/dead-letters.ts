import { TOPICS } from '../../domain/events.js'
import type { DumpedRecord } from '../support/run-oracle.js'
import { readTopics } from '../support/dump-topic.js'

/** A dead letter, by the headers that say where it is from. */
export interface Letter {
  /** topic/partition/offset */
  readonly origin: string
  readonly code: string
  readonly reason: string
  readonly record: DumpedRecord
}

/** Every dead letter there is, and how many of them repeat another, as a crash can make them. */
export async function readLetters(
  brokers: readonly string[],
): Promise<{ letters: Map<string, Letter>; repeated: number }> {
  const records = await readTopics(brokers, [TOPICS.deadLetters])
  const letters = new Map<string, Letter>()
  for (const record of records) {
    const header = (name: string) => Buffer.from(record.headers[name]?.at(-1) ?? '', 'base64').toString()
    const origin = ['topic', 'partition', 'offset'].map((part) => header(`__connect.errors.${part}`)).join('/')
    const reason = header('__connect.errors.exception.message')
    letters.set(origin, { origin, code: header('guardian.error.code'), reason, record })
  }
  return { letters, repeated: records.length - letters.size }
}
