import { promisify } from 'node:util'
import { crc32, deflateRaw, inflateRawSync } from 'node:zlib'
import { GuardianError } from '../../domain/errors.js'

const deflate = promisify(deflateRaw)

/** Format of the envelope: this byte, a CRC-32 of what follows (big-endian), the content as raw deflate. */
const SEAL_FORMAT = 1
const HEADER_BYTES = 5
/** More than any state that fits the memory limit; a damaged length must not ask for more. */
const MAX_CONTENT_BYTES = 1_073_741_824

/** zlib comes back to the event loop with each chunk. */
const CHUNK_BYTES = 262_144
const SMALL_BYTES = 16_384

/** Packs state for the database, so that a damaged byte is noticed. Compresses off the event loop. */
export async function seal(content: Uint8Array): Promise<Buffer> {
  const packed = await deflate(content, {
    level: 1,
    chunkSize: content.length > SMALL_BYTES ? CHUNK_BYTES : SMALL_BYTES,
  })
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + packed.length)
  sealed[0] = SEAL_FORMAT
  sealed.writeUInt32BE(crc32(packed), 1)
  packed.copy(sealed, HEADER_BYTES)
  return sealed
}

/** @throws GuardianError GRD_SNAPSHOT_REFUSED when the bytes are not exactly what was sealed */
export function unseal(sealed: Buffer): Buffer {
  if (sealed.length < HEADER_BYTES || sealed[0] !== SEAL_FORMAT)
    throw new GuardianError('GRD_SNAPSHOT_REFUSED', 'the detection state has no known envelope')
  const packed = sealed.subarray(HEADER_BYTES)
  if (crc32(packed) !== sealed.readUInt32BE(1))
    throw new GuardianError('GRD_SNAPSHOT_REFUSED', 'the checksum of the detection state does not match: it is damaged')
  return inflateRawSync(packed, { maxOutputLength: MAX_CONTENT_BYTES })
}
