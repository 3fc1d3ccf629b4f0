import { createRequire } from 'node:module'
import type { KafkaMessage, RecordBatchEntry } from 'kafkajs'
import { PlatformError } from '../platform-error.js'
import { unpack } from './codecs.js'
import {
  BATCH_HEADER_BYTES,
  isIntact,
  magicOf,
  readBatchHeader,
  RecordReader,
  type BatchHeader,
} from './record-batch.js'

/** What one fetch of one partition may become in memory. */
export interface RecordSetLimits {
  /** What a compressed batch may unpack to; a larger one is set aside. */
  readonly maxUnpackedBytes: number
  /** Records that a batch may hold; one with more is set aside. */
  readonly maxBatchRecords: number
}

/** Offsets of the log whose records cannot be had: the batch that holds them cannot be unpacked within its limits. */
export interface UnreadableRange {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly cause: 'too_large' | 'undecodable'
  readonly detail: string
}

/** Stands among the messages of a fetch for offsets that have no message of their own. */
export interface Marker extends RecordBatchEntry {
  /** Absent when the offset only has to be stepped over, as that of a control record. */
  readonly marks: UnreadableRange | undefined
}

export const isMarker = (message: KafkaMessage): message is Marker => 'marks' in message

/** kafkajs' reader of a response, as far as it is needed here. */
interface ResponseReader {
  readInt32(): number
  canReadBytes(length: number): boolean
  readBytes(length: number): Buffer
}
const RECORDS_BETWEEN_TURNS = 2_000
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * Reads the batches that a fetch brought of one partition. A batch that is too large for its limits, or cannot be read,
 * becomes a marker with its offsets. Stops early when the limits are reached: the rest is fetched again.
 * @throws PlatformError BATCH_UNREADABLE when the bytes are not those that the producer wrote: another fetch may help
 */
export async function readRecordSet(set: Buffer, limits: RecordSetLimits): Promise<KafkaMessage[]> {
  const messages: KafkaMessage[] = []
  let unpackedBytes = 0
  if (set.length >= BATCH_HEADER_BYTES && magicOf(set) !== 2)
    throw new PlatformError('BATCH_UNREADABLE', `records are of format ${magicOf(set)}, from before Kafka 0.11`)
  for (let at = 0, header = readBatchHeader(set, at); header; at += header.bytes, header = readBatchHeader(set, at)) {
    if (messages.length > 0 && messages.length + header.records > limits.maxBatchRecords) break
    if (unpackedBytes >= limits.maxUnpackedBytes) break
    const batch = set.subarray(at, at + header.bytes)
    try {
      unpackedBytes += await readBatch(batch, header, limits, messages)
    } catch (error) {
      messages.push(setAside(batch, header, error))
    }
    if (header.isControl) messages.push(markerAt(header, undefined))
  }
  return messages
}

/** @returns how many bytes the records take */
async function readBatch(
  batch: Buffer,
  header: BatchHeader,
  { maxUnpackedBytes, maxBatchRecords }: RecordSetLimits,
  into: KafkaMessage[],
): Promise<number> {
  if (header.records > maxBatchRecords)
    throw new PlatformError('BATCH_TOO_LARGE', `a batch of ${header.records} records is larger than ${maxBatchRecords}`)
  const bytes = await unpack(header.codec, batch.subarray(BATCH_HEADER_BYTES), maxUnpackedBytes)
  const reader = new RecordReader(bytes, header)
  const records: KafkaMessage[] = []
  for (let i = 0; i < header.records; i++) {
    if (i % RECORDS_BETWEEN_TURNS === RECORDS_BETWEEN_TURNS - 1) await nextTurn()
    records.push(reader.next())
  }
  for (const record of records) into.push(record)
  return bytes.length
}

function setAside(batch: Buffer, header: BatchHeader, error: unknown): Marker {
  const isTooLarge = error instanceof PlatformError && error.code === 'BATCH_TOO_LARGE'
  if (!isIntact(batch))
    throw new PlatformError('BATCH_UNREADABLE', `the batch at ${header.firstOffset} was damaged on its way`, {
      cause: error,
    })
  const { firstOffset, lastOffset } = header
  const detail = error instanceof Error ? error.message : 'unreadable'
  return markerAt(header, { firstOffset, lastOffset, cause: isTooLarge ? 'too_large' : 'undecodable', detail })
}

function markerAt(header: BatchHeader, marks: UnreadableRange | undefined): Marker {
  const marker = {
    key: null,
    value: null,
    attributes: 0,
    headers: {},
    timestamp: String(header.maxTimestamp),
    offset: String(header.lastOffset),
    isControlRecord: false,
    batchContext: { producerId: '-1', inTransaction: false },
    marks,
  }
  return marker
}

const INTERNALS = 'kafkajs/src/protocol/requests/fetch/'
const load = createRequire(import.meta.url)
let inForce: RecordSetLimits | undefined

/**
 * Has kafkajs read record sets with `readRecordSet`. Its own reader cannot be told to step over a batch, does not bound
 * the records of one, fails on a set of more than about 120,000, and takes quadratic time for the headers of a record.
 * @throws when kafkajs has fetched in this process before: its own reader would stay in use
 */
export function installRecordSets(limits: RecordSetLimits): void {
  const isInstalled = inForce !== undefined
  inForce = limits
  if (isInstalled) return
  const path = load.resolve(`${INTERNALS}v4/decodeMessages.js`)
  load(path)
  const folder = path.slice(0, -'v4/decodeMessages.js'.length)
  if (Object.keys(load.cache).some((name) => name.startsWith(folder) && name.endsWith('response.js')))
    throw new Error('kafkajs has fetched before its reader of record sets could be replaced')
  const module = load.cache[path]
  if (!module) throw new Error('kafkajs has no reader of record sets')
  module.exports = async (response: ResponseReader): Promise<KafkaMessage[]> => {
    const size = response.readInt32()
    if (size <= 0 || !response.canReadBytes(size)) return []
    return readRecordSet(response.readBytes(size), inForce ?? limits)
  }
}
