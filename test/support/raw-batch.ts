/** Compressed batches as no well-behaved client writes them, byte by byte. */

const ZSTD_BLOCK_BYTES = 131_072

/** A zstd frame that stores bytes as they are, and a run of one byte in four bytes for each 128 KiB. */
export function zstdOf(content: Buffer): Buffer {
  const blocks: Buffer[] = [Buffer.from('28b52ffd0038', 'hex')]
  for (let at = 0; at < content.length; at += ZSTD_BLOCK_BYTES) {
    const block = content.subarray(at, at + ZSTD_BLOCK_BYTES)
    const isLast = at + ZSTD_BLOCK_BYTES >= content.length ? 1 : 0
    const first = block[0] ?? 0
    const isRun = block.every((byte) => byte === first)
    const header = Buffer.alloc(3)
    header.writeUIntLE(block.length * 8 + (isRun ? 2 : 0) + isLast, 0, 3)
    blocks.push(header, isRun ? block.subarray(0, 1) : block)
  }
  return Buffer.concat(blocks)
}

/** As Kafka writes whole numbers in records: zigzag, seven bits a byte. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

export interface RawRecord {
  readonly key?: Buffer
  readonly value?: Buffer
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}

const sized = (bytes: Buffer | null | undefined): Buffer[] => (bytes ? [varint(bytes.length), bytes] : [varint(-1)])

/** One record. https://kafka.apache.org/documentation/#record */
export function rawRecord({ key, value, headers = [] }: RawRecord, offsetDelta: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(0),
    varint(offsetDelta),
    ...sized(key),
    ...sized(value),
    varint(headers.length),
    ...headers.flatMap(([name, bytes]) => [...sized(Buffer.from(name)), ...sized(bytes)]),
  ])
  return Buffer.concat([varint(body.length), body])
}

/** A whole batch with its header and checksum. https://kafka.apache.org/documentation/#recordbatch */
export function rawBatch(batch: {
  readonly firstOffset: number
  readonly records: number
  readonly codec?: number
  readonly content: Buffer
  readonly attributes?: number
}): Buffer {
  const { firstOffset, records, codec = 0, content, attributes = 8 } = batch
  const bytes = Buffer.alloc(61)
  bytes.writeBigInt64BE(BigInt(firstOffset), 0)
  bytes.writeInt32BE(49 + content.length, 8)
  bytes.writeInt8(2, 16)
  bytes.writeInt16BE(attributes | codec, 21)
  bytes.writeInt32BE(records - 1, 23)
  bytes.writeBigInt64BE(1_000n, 27)
  bytes.writeBigInt64BE(2_000n, 35)
  bytes.writeBigInt64BE(-1n, 43)
  bytes.writeInt16BE(-1, 51)
  bytes.writeInt32BE(-1, 53)
  bytes.writeInt32BE(records, 57)
  const whole = Buffer.concat([bytes, content])
  whole.writeUInt32BE(crc32c(whole.subarray(21)), 17)
  return whole
}

/** Bit by bit, so that it is not the product's own. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
