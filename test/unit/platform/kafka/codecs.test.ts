import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { unpack, unpackGzip, unpackLz4, unpackSnappy, unpackZstd } from '../../../../platform/kafka/codecs.js'
import { PlatformError } from '../../../../platform/platform-error.js'

const TEXT = Buffer.from('one click after another. '.repeat(40))
/** Written by zstd-jni 1.5.6 and snappy-java 1.1.10 (blocks of 1,024 bytes), as a Java producer writes them. */
const ZSTD = Buffer.from('KLUv/WDoAg0BAMhvbmUgY2xpY2sgYWZ0ZXIgYW5vdGhlci4gAQAx52qOAQ==', 'base64')
const XERIAL = Buffer.from(
  'glNOQVBQWQAAAAABAAAAAQAAAEyACGBvbmUgY2xpY2sgYWZ0ZXIgYW5vdGhlci4g/hkA/hkA/hkA/hkA/hkA/hkA/hkA/hkA/hkA' +
    '/hkA/hkA/hkA/hkA/hkA/hkAmhkAAAAASdAHYCBvbmUgY2xpY2sgYWZ0ZXIgYW5vdGhlci7+GQD+GQD+GQD+GQD+GQD+GQD+GQD+' +
    'GQD+GQD+GQD+GQD+GQD+GQD+GQDaGQA=',
  'base64',
)
const LIMIT = 1_000_000
const BOMB = Buffer.alloc(30 * LIMIT)

/** A zstd frame of many blocks that repeat one byte 128 KiB times, after a header with a window of 128 KiB. */
const zstdBomb = (blocks: number): Buffer =>
  Buffer.concat([
    Buffer.from('28b52ffd0038', 'hex'),
    ...Array.from({ length: blocks }, (_, i) => Buffer.from([i === blocks - 1 ? 3 : 2, 0, 0x10, 0])),
  ])

const isTooLarge = (error: unknown): boolean =>
  error instanceof PlatformError && error.code === 'BATCH_TOO_LARGE' && error.message.includes('larger')

describe('batches that are compressed', () => {
  it('are unpacked: snappy raw and in blocks of snappy-java, lz4, zstd', async () => {
    assert.deepEqual(await unpackSnappy(compressSync(TEXT), LIMIT), TEXT)
    assert.deepEqual(await unpackSnappy(XERIAL, LIMIT), Buffer.concat([TEXT, TEXT]))
    assert.deepEqual(await unpackLz4(compressFrameSync(TEXT), LIMIT), TEXT)
    assert.deepEqual(await unpackZstd(ZSTD, LIMIT), TEXT)
    assert.equal((await unpackZstd(zstdBomb(3), LIMIT)).length, 3 * 131_072)
  })

  it('are refused when they unpack to more than the limit, whatever they say about themselves', async () => {
    await assert.rejects(unpackSnappy(compressSync(BOMB), LIMIT), isTooLarge)
    await assert.rejects(unpackSnappy(XERIAL, 1_500), isTooLarge)
    await assert.rejects(unpackLz4(compressFrameSync(BOMB), LIMIT), isTooLarge)
    await assert.rejects(unpackZstd(zstdBomb(2_000), LIMIT), isTooLarge)
    await assert.rejects(unpackZstd(ZSTD, 500), isTooLarge)
    const gzipBomb = gzipSync(BOMB)
    await assert.rejects(unpack(1, gzipBomb, LIMIT), isTooLarge)
    gzipBomb.writeUInt32LE(10, gzipBomb.length - 4)
    await assert.rejects(unpack(1, gzipBomb, LIMIT), isTooLarge)
  })

  it('are unpacked in one piece of memory when they are gzip', async () => {
    const large = Buffer.alloc(LIMIT - 1, 'x')
    const unpacked = await unpackGzip(gzipSync(large), LIMIT)
    assert.ok(unpacked.equals(large))
    assert.ok(unpacked.buffer.byteLength <= LIMIT)
    assert.deepEqual(
      await unpackGzip(Buffer.concat([gzipSync(TEXT), gzipSync(TEXT)]), LIMIT),
      Buffer.concat([TEXT, TEXT]),
    )
  })

  it('are refused when they are cut off or are something else', async () => {
    const refused = (work: Promise<Buffer>) => assert.rejects(work)
    for (const bytes of [Buffer.alloc(0), Buffer.from('no batch'), Buffer.alloc(40, 0xff)]) {
      await refused(unpackSnappy(bytes, LIMIT))
      await refused(Promise.resolve().then(() => unpackLz4(bytes, LIMIT)))
      await refused(unpackZstd(bytes, LIMIT))
    }
    await refused(unpackSnappy(XERIAL.subarray(0, 60), LIMIT))
  })

  it('are told by their number, with a limit for each codec', async () => {
    const packed = [gzipSync(BOMB), compressSync(BOMB), compressFrameSync(BOMB), zstdBomb(2_000)]
    for (const [i, bytes] of packed.entries()) await assert.rejects(unpack(i + 1, bytes, LIMIT), isTooLarge)
    assert.deepEqual(await unpack(1, gzipSync(TEXT), LIMIT), TEXT)
    assert.deepEqual(await unpack(0, TEXT, 1), TEXT)
    for (const codec of [1, 2, 3, 4, 5])
      await assert.rejects(unpack(codec, Buffer.from('no batch'), LIMIT), { code: 'BATCH_UNREADABLE' })
  })
})
