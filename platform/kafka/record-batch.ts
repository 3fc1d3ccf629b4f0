import type { IHeaders, KafkaMessage } from 'kafkajs'

/** Where each field of a record batch stands. https://kafka.apache.org/documentation/#recordbatch */
export const BATCH_HEADER_BYTES = 61
const LENGTH_AT = 8
const LENGTH_COVERS_FROM = 12
const MAGIC_AT = 16
const CRC_AT = 17
const CRC_COVERS_FROM = 21
const COMPRESSION = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** What stands in front of the records of a batch, and is never compressed. */
export interface BatchHeader {
  readonly firstOffset: number
  readonly lastOffset: number
  /** Of the whole batch, its header included. */
  readonly bytes: number
  readonly codec: number
  readonly isControl: boolean
  readonly inTransaction: boolean
  readonly isAppendTime: boolean
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: string
  readonly records: number
}

/** @returns undefined when the batch is cut off, as the last one of a fetch often is */
export function readBatchHeader(set: Buffer, at: number): BatchHeader | undefined {
  if (set.length - at < BATCH_HEADER_BYTES) return undefined
  const bytes = LENGTH_COVERS_FROM + set.readInt32BE(at + LENGTH_AT)
  if (bytes < BATCH_HEADER_BYTES || set.length - at < bytes) return undefined
  const attributes = set.readInt16BE(at + 21)
  const firstOffset = Number(set.readBigInt64BE(at))
  return {
    firstOffset,
    lastOffset: firstOffset + set.readInt32BE(at + 23),
    bytes,
    codec: attributes & COMPRESSION,
    isControl: (attributes & CONTROL) !== 0,
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
    isAppendTime: (attributes & LOG_APPEND_TIME) !== 0,
    firstTimestamp: Number(set.readBigInt64BE(at + 27)),
    maxTimestamp: Number(set.readBigInt64BE(at + 35)),
    producerId: set.readBigInt64BE(at + 43).toString(),
    records: set.readInt32BE(at + 57),
  }
}

/** The version of the format: 2 for batches; what was written before Kafka 0.11 has another layout. */
export const magicOf = (set: Buffer): number => set.readInt8(MAGIC_AT)

const CRC32C_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

/** Whether the batch is as its producer wrote it, by the checksum in its header. */
export function isIntact(batch: Buffer): boolean {
  let crc = -1
  for (let at = CRC_COVERS_FROM; at < batch.length; at++)
    crc = (crc >>> 8) ^ (CRC32C_TABLE[(crc ^ (batch[at] ?? 0)) & 0xff] ?? 0)
  return (crc ^ -1) >>> 0 === batch.readUInt32BE(CRC_AT)
}

/** Reads the records of one batch, one after another. Every read beyond the end throws a RangeError. */
export class RecordReader {
  readonly #bytes: Buffer
  readonly #header: BatchHeader
  readonly #batchContext: object
  readonly #appendTime: string | undefined
  #at = 0

  constructor(bytes: Buffer, header: BatchHeader) {
    this.#bytes = bytes
    this.#header = header
    const { firstOffset, inTransaction, producerId, isControl } = header
    // Control records and aborted transactions are told by these.
    this.#batchContext = { firstOffset: String(firstOffset), inTransaction, producerId, isControlBatch: isControl }
    this.#appendTime = header.isAppendTime ? String(header.maxTimestamp) : undefined
  }

  /** https://kafka.apache.org/documentation/#record */
  next(): KafkaMessage {
    const length = this.#varint()
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new RangeError('a record is longer than its batch')
    const attributes = this.#bytes.readInt8(this.#at++)
    const timestampDelta = this.#varint()
    const offset = this.#header.firstOffset + this.#varint()
    const key = this.#sized()
    const value = this.#sized()
    const headers = this.#headers()
    if (this.#at !== end) throw new RangeError('a record is not as long as it says')
    const record = {
      magicByte: 2,
      attributes,
      timestamp: this.#appendTime ?? String(this.#header.firstTimestamp + timestampDelta),
      offset: String(offset),
      key,
      value,
      headers,
      isControlRecord: this.#header.isControl,
      batchContext: this.#batchContext,
    }
    return record
  }

  /** A header that is there several times keeps all its values. In linear time: one record can have 100,000. */
  #headers(): IHeaders {
    const count = this.#varint()
    // Without a prototype, a header may be called __proto__ and is nothing but a header.
    const headers = Object.create(null) as IHeaders
    for (let i = 0; i < count; i++) {
      const name = this.#sized()
      if (!name) throw new RangeError('a header has no name')
      const value = this.#sized() ?? undefined
      const key = name.toString()
      const before = headers[key]
      if (before === undefined) headers[key] = value
      else if (Array.isArray(before)) before.push(value ?? '')
      else headers[key] = [before, value ?? '']
    }
    return headers
  }

  #sized(): Buffer | null {
    const length = this.#varint()
    if (length < 0) return null
    const from = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('a field is longer than its batch')
    return this.#bytes.subarray(from, this.#at)
  }

  /** Exact up to 2^53; longer ones are times and offsets that no log has. */
  #varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('a number is cut off')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
      if (factor > 2 ** 63) throw new RangeError('a number is too long')
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
