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
