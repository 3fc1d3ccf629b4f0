import { sideTopicsOf } from '../../domain/fresh-log.js'
import type { OutgoingRecord } from '../../platform/kafka/producer.js'
import type { RecordList } from '../../platform/kafka/record-list.js'

/** A record to be copied. */
export interface OriginalRecord extends Pick<
  ReturnType<RecordList['recordAt']>,
  'offset' | 'key' | 'value' | 'headers'
> {
  /** Set when it is too large for a copy: it has no key, value and headers then. */
  readonly tooLargeBytes?: number
}

interface Origin {
  readonly topic: string
  readonly partition: number
}

/** Reasons are cut here: headers that grow make a record too large for its topic. */
const MAX_REASON_LENGTH = 256

/** The headers by which Kafka Connect's dead letters are known, and our own code. */
export function deadLetter(record: OriginalRecord, origin: Origin, code: string, detail: string): OutgoingRecord {
  return copy(sideTopicsOf(origin.topic).deadLetters, record, {
    '__connect.errors.topic': origin.topic,
    '__connect.errors.partition': String(origin.partition),
    '__connect.errors.offset': record.offset,
    '__connect.errors.stage': code === 'DECODE' || code === 'TOO_LARGE' ? 'VALUE_CONVERTER' : 'TRANSFORMATION',
    '__connect.errors.exception.class.name': `guardian.${code}`,
    '__connect.errors.exception.message': detail.slice(0, MAX_REASON_LENGTH),
    'guardian.error.code': code,
  })
}

/** An event behind the watermark, and how far behind it was. */
export function lateRecord(record: OriginalRecord, origin: Origin, lateByMs: number): OutgoingRecord {
  return copy(sideTopicsOf(origin.topic).late, record, {
    'guardian.origin.topic': origin.topic,
    'guardian.origin.partition': String(origin.partition),
    'guardian.origin.offset': record.offset,
    'guardian.late.by_ms': String(lateByMs),
  })
}

/** What a copy may take, so that its topic takes it: as much as the largest record, and headers of ours. */
const MAX_COPY_BYTES = 1_048_576 + 32_768

/** One record of a batch. One that was compressed can be larger than any topic takes: of it only the size is given. */
export function copyable(records: RecordList, i: number): OriginalRecord {
  const bytes = records.sizeAt(i)
  if (bytes <= MAX_COPY_BYTES) return records.recordAt(i)
  return { offset: String(records.offsetAt(i)), key: null, value: null, headers: {}, tooLargeBytes: bytes }
}

/**
 * Key, value and headers as they are; ours come on top, and never in place of one of the record's own. The copy of a
 * record that is too large says how large, and has only what identifies it.
 */
function copy(topic: string, record: OriginalRecord, ours: Record<string, string>): OutgoingRecord {
  if (record.tooLargeBytes !== undefined)
    return {
      topic,
      key: null,
      value: null,
      headers: { ...ours, 'guardian.origin.bytes': String(record.tooLargeBytes) },
    }
  const { key, value, headers } = record
  const merged: Record<string, string | Buffer | (string | Buffer)[] | undefined> = { ...headers }
  for (const [name, text] of Object.entries(ours)) {
    const theirs = merged[name]
    merged[name] = theirs === undefined ? text : [...(Array.isArray(theirs) ? theirs : [theirs]), text]
  }
  return { topic, key, value, headers: merged }
}
