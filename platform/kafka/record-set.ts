import { createRequire } from 'node:module'
import type { KafkaMessage, RecordBatchEntry } from 'kafkajs'
import { PlatformError } from '../platform-error.js'
import { unpack } from './codecs.js'
import { BATCH_HEADER_BYTES, isIntact, magicOf, readBatchHeader, type BatchHeader } from './record-batch.js'
import { RecordList } from './record-list.js'

/** What one batch may become in memory. */
export interface BatchLimits {
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

/** A batch as it came from Kafka, compressed if it is. */
export class PackedBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  /** The latest time of its records: the log append time where the topic keeps it. */
  readonly maxTimestamp: number
  readonly #header: BatchHeader
  readonly #bytes: Buffer

  constructor(bytes: Buffer, header: BatchHeader) {
    this.firstOffset = header.firstOffset
    this.lastOffset = header.lastOffset
    this.maxTimestamp = header.maxTimestamp
    this.#header = header
    this.#bytes = bytes
  }

  /**
   * Unpacks it and finds its records, off the event loop or with turns for others in between.
   * @returns its offsets in place of the records when it is larger than the limits, or is not what it says
   * @throws PlatformError BATCH_UNREADABLE when the bytes are not those that the producer wrote: another fetch may help
   */
  async read({ maxUnpackedBytes, maxBatchRecords }: BatchLimits): Promise<RecordList | UnreadableRange> {
    const { records, codec } = this.#header
    if (records > maxBatchRecords)
      return this.#setAside('too_large', `a batch of ${records} records is larger than ${maxBatchRecords}`)
    try {
      const content = this.#bytes.subarray(BATCH_HEADER_BYTES)
      const bytes = codec === 0 ? content : await unpack(codec, content, maxUnpackedBytes)
      return await RecordList.read(bytes, this.#header)
    } catch (cause) {
      const isTooLarge = cause instanceof PlatformError && cause.code === 'BATCH_TOO_LARGE'
      const detail = cause instanceof Error ? cause.message : 'unreadable'
      return this.#setAside(isTooLarge ? 'too_large' : 'undecodable', detail, cause)
    }
  }

  #setAside(reason: UnreadableRange['cause'], detail: string, cause?: unknown): UnreadableRange {
    const { firstOffset, lastOffset } = this
    if (!isIntact(this.#bytes))
      throw new PlatformError('BATCH_UNREADABLE', `the batch at ${firstOffset} was damaged on its way`, { cause })
    return { firstOffset, lastOffset, cause: reason, detail }
  }
}

/** Stands for a whole batch among what kafkajs takes for messages: it looks at offsets and transactions only. */
export interface BatchEntry extends RecordBatchEntry {
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
  /** Absent when its offsets only have to be stepped over, as those of control records. */
  readonly batch: PackedBatch | undefined
}

/** Tells a batch from a message that kafkajs has unpacked itself. */
export const isBatchEntry = (message: KafkaMessage): message is BatchEntry => 'batch' in message

/**
 * Finds the batches that a fetch brought of one partition; the last one of a fetch is often cut off, and left out.
 * @throws PlatformError BATCH_UNREADABLE for records of a format that is no longer written
 */
export function readRecordSet(set: Buffer): RecordBatchEntry[] {
  if (set.length >= BATCH_HEADER_BYTES && magicOf(set) !== 2)
    throw new PlatformError('BATCH_UNREADABLE', `records are of format ${magicOf(set)}, from before Kafka 0.11`)
  const entries: RecordBatchEntry[] = []
  let isTransactional = false
  for (let at = 0, header = readBatchHeader(set, at); header; at += header.bytes, header = readBatchHeader(set, at)) {
    const step: BatchEntry = { ...entryOf(header), batch: undefined }
    // kafkajs takes up one aborted transaction with each message: here those that were open before this fetch.
    if (header.inTransaction && !isTransactional) for (let i = 0; i < MAX_OPEN_TRANSACTIONS; i++) entries.push(step)
    isTransactional ||= header.inTransaction
    const bytes = set.subarray(at, at + header.bytes)
    const entry: BatchEntry = { ...step, batch: new PackedBatch(bytes, header) }
    entries.push(header.isControl ? controlEntry(bytes, header) : entry)
    // Whatever is dropped of it, the partition goes on behind it.
    if (header.inTransaction) entries.push(stepOver(step))
  }
  return entries
}

const MAX_OPEN_TRANSACTIONS = 100

const stepOver = (step: BatchEntry): BatchEntry => ({
  ...step,
  batchContext: { ...step.batchContext, inTransaction: false },
})

const entryOf = ({ lastOffset, maxTimestamp, producerId, inTransaction }: BatchHeader) => ({
  key: null,
  value: null,
  attributes: 0,
  headers: {},
  timestamp: String(maxTimestamp),
  offset: String(lastOffset),
  isControlRecord: false,
  // It is told by these which transactions were aborted.
  batchContext: { producerId, inTransaction },
})

/** kafkajs knows the end of an aborted transaction by the key of a control record, which it then drops. */
function controlEntry(bytes: Buffer, header: BatchHeader): RecordBatchEntry {
  const entry = { ...entryOf(header), isControlRecord: true }
  try {
    const records = RecordList.readNow(bytes.subarray(BATCH_HEADER_BYTES), { ...header, records: 1 })
    return { ...entry, key: records.recordAt(0).key }
  } catch (error) {
    if (error instanceof RangeError) return entry
    throw error
  }
}

/** kafkajs' reader of a response, as far as it is needed here. */
interface ResponseReader {
  readInt32(): number
  canReadBytes(length: number): boolean
  readBytes(length: number): Buffer
}

const INTERNALS = 'kafkajs/src/protocol/requests/fetch/'
const load = createRequire(import.meta.url)
let isInstalled = false

/**
 * Has kafkajs read record sets with `readRecordSet`: each of its messages stands for a batch. Its own reader makes a
 * dozen objects of each record, cannot be told to step over a batch, does not bound the records of one, fails on a set
 * of more than about 120,000, and takes quadratic time for the headers of a record.
 * @throws when kafkajs has fetched in this process before: its own reader would stay in use
 */
export function installRecordSets(): void {
  if (isInstalled) return
  const path = load.resolve(`${INTERNALS}v4/decodeMessages.js`)
  load(path)
  const folder = path.slice(0, -'v4/decodeMessages.js'.length)
  if (Object.keys(load.cache).some((name) => name.startsWith(folder) && name.endsWith('response.js')))
    throw new Error('kafkajs has fetched before its reader of record sets could be replaced')
  const module = load.cache[path]
  if (!module) throw new Error('kafkajs has no reader of record sets')
  isInstalled = true
  module.exports = (response: ResponseReader): RecordBatchEntry[] => {
    const size = response.readInt32()
    return size <= 0 || !response.canReadBytes(size) ? [] : readRecordSet(response.readBytes(size))
  }
}
