import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
import { decompressFrame } from 'lz4-napi'
import { uncompress } from 'snappy'
import { PlatformError } from '../platform-error.js'

const unzip = promisify(gunzip)

const tooLarge = (codec: string, maxBytes: number): PlatformError =>
  new PlatformError('BATCH_TOO_LARGE', `a ${codec} batch is larger than ${maxBytes} bytes when unpacked`)

type Unpack = (packed: Buffer, maxBytes: number) => Promise<Buffer>

/** By the number in the attributes of a record batch. https://kafka.apache.org/documentation/#recordbatch */
const CODECS: readonly { readonly name: string; readonly unpack: Unpack }[] = [
  { name: 'plain', unpack: (packed) => Promise.resolve(packed) },
  { name: 'gzip', unpack: unpackGzip },
  { name: 'snappy', unpack: unpackSnappy },
  { name: 'lz4', unpack: unpackLz4 },
  { name: 'zstd', unpack: unpackZstd },
]

/**
 * Unpacks the records of a batch, up to a size: a small gzip batch can unpack to all of memory.
 * @throws PlatformError BATCH_TOO_LARGE when they are larger; BATCH_UNREADABLE when they are not of that codec
 */
export async function unpack(codec: number, packed: Buffer, maxBytes: number): Promise<Buffer> {
  const known = CODECS[codec]
  if (!known) throw new PlatformError('BATCH_UNREADABLE', `a batch has the unknown codec ${codec}`)
  try {
    return await known.unpack(packed, maxBytes)
  } catch (cause) {
    if (cause instanceof PlatformError) throw cause
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(known.name, maxBytes)
    throw new PlatformError('BATCH_UNREADABLE', `a ${known.name} batch cannot be unpacked`, { cause })
  }
}

/** Deflate makes a byte of no more than so many. https://zlib.net/zlib_tech.html */
const MOST_DEFLATED = 1_032
const LEAST_CHUNK_BYTES = 1_024
const GZIP_MAGIC = 0x1f8b

/**
 * Unpacks gzip in one piece of memory, of the size that its last bytes tell: without that, zlib makes it in pieces of
 * 16 KiB, which are put together on the event loop. What they tell is not believed beyond what can be.
 */
export async function unpackGzip(packed: Buffer, maxBytes: number): Promise<Buffer> {
  if (packed.readUInt16BE(0) !== GZIP_MAGIC) throw new RangeError('no gzip')
  const toldBytes = packed.readUInt32LE(packed.length - 4)
  if (toldBytes > maxBytes) throw tooLarge('gzip', maxBytes)
  // One byte more than there is, or zlib asks for another chunk to see that there is nothing.
  const chunkSize = Math.max(LEAST_CHUNK_BYTES, Math.min(toldBytes + 1, packed.length * MOST_DEFLATED))
  return unzip(packed, { maxOutputLength: maxBytes, chunkSize })
}

/** Java clients frame snappy as snappy-java does: magic, two versions, then blocks with their length in front. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const XERIAL_HEADER_BYTES = 16

/** Unpacks raw snappy, or snappy-java's blocks. https://github.com/google/snappy/blob/main/format_description.txt */
export async function unpackSnappy(packed: Buffer, maxBytes: number): Promise<Buffer> {
  if (!packed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return unpackSnappyBlock(packed, maxBytes)
  const blocks: Buffer[] = []
  let left = maxBytes
  for (let at = XERIAL_HEADER_BYTES; at < packed.length;) {
    const length = packed.readUInt32BE(at)
    if (at + 4 + length > packed.length) throw new RangeError('a snappy block ends too early')
    const block = await unpackSnappyBlock(packed.subarray(at + 4, at + 4 + length), left)
    left -= block.length
    blocks.push(block)
    at += 4 + length
  }
  return Buffer.concat(blocks)
}

async function unpackSnappyBlock(block: Buffer, maxBytes: number): Promise<Buffer> {
  let length = 0
  for (let at = 0, shift = 0; ; at++, shift += 7) {
    const byte = block[at]
    if (byte === undefined || shift > 28) throw new RangeError('a snappy block does not begin with its length')
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (length > maxBytes) throw tooLarge('snappy', maxBytes)
  return (await uncompress(block, { asBuffer: true })) as Buffer
}

const LZ4_MAGIC = 0x184d2204
const LZ4_BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 65_536, 5: 262_144, 6: 1_048_576, 7: 4_194_304 }

/**
 * Unpacks an LZ4 frame, after adding up what its blocks can unpack to at most: no byte is unpacked of one that may be
 * too large by more than a block. https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
export async function unpackLz4(packed: Buffer, maxBytes: number): Promise<Buffer> {
  if (packed.readUInt32LE(0) !== LZ4_MAGIC) throw new RangeError('no LZ4 frame')
  const flags = packed.readUInt8(4)
  const blockBytes = LZ4_BLOCK_BYTES[(packed.readUInt8(5) >> 4) & 7]
  if (blockBytes === undefined) throw new RangeError('no LZ4 block size')
  const hasBlockChecksum = (flags & 0x10) !== 0
  let at = 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0)
  let blocks = 0
  for (let size = packed.readUInt32LE(at); size !== 0; size = packed.readUInt32LE(at)) {
    blocks++
    at += 4 + (size & 0x7fffffff) + (hasBlockChecksum ? 4 : 0)
  }
  if ((blocks - 1) * blockBytes > maxBytes) throw tooLarge('lz4', maxBytes)
  return decompressFrame(packed)
}

const ZSTD_MAGIC = 0xfd2fb528

/** So many bytes of zstd are at most 64 blocks of 128 KiB: as much as may be unpacked in one turn of the event loop. */
const ZSTD_STEP_BYTES = 256
const ZSTD_TURN_MS = 10

/** Unpacks zstd as a stream that is cut at the limit, and lets others have a turn. https://www.rfc-editor.org/rfc/rfc8878 */
export async function unpackZstd(packed: Buffer, maxBytes: number): Promise<Buffer> {
  if (zstdWindowBytes(packed) > maxBytes) throw tooLarge('zstd', maxBytes)
  const chunks: Uint8Array[] = []
  let length = 0
  const stream = new Decompress((chunk) => {
    length += chunk.length
    if (length > maxBytes) throw tooLarge('zstd', maxBytes)
    chunks.push(chunk)
  })
  let turnAt = performance.now()
  for (let at = 0; at < packed.length; at += ZSTD_STEP_BYTES) {
    const end = at + ZSTD_STEP_BYTES
    stream.push(packed.subarray(at, end), end >= packed.length)
    if (performance.now() - turnAt < ZSTD_TURN_MS) continue
    await new Promise((resolve) => setImmediate(resolve))
    turnAt = performance.now()
  }
  return Buffer.concat(chunks)
}

/** The memory that a decoder sets aside, as the frame header says; a single segment needs its whole content. */
function zstdWindowBytes(packed: Buffer): number {
  if (packed.readUInt32LE(0) !== ZSTD_MAGIC) throw new RangeError('no zstd frame')
  const descriptor = packed.readUInt8(4)
  const isSingleSegment = (descriptor & 0x20) !== 0
  if (!isSingleSegment) {
    const window = packed.readUInt8(5)
    const base = 2 ** (10 + (window >> 3))
    return base + (base / 8) * (window & 7)
  }
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0)
  switch (descriptor >> 6) {
    case 0:
      return packed.readUInt8(at)
    case 1:
      return packed.readUInt16LE(at) + 256
    case 2:
      return packed.readUInt32LE(at)
    default:
      return Number(packed.readBigUInt64LE(at))
  }
}
