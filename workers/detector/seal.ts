import { crc32, inflateRawSync } from 'node:zlib'
import { compress, uncompressSync } from 'snappy'
import { GuardianError } from '../../domain/errors.js'

/** Format of the envelope: this byte, a CRC-32 of what follows (big-endian), the content as raw snappy. */
const SEAL_FORMAT = 2
/** What releases before wrote: the content as raw deflate, which took three times the CPU. */
const DEFLATE_FORMAT = 1
const HEADER_BYTES = 5
/** More than any state that fits the memory limit; a damaged length must not ask for more. */
const MAX_CONTENT_BYTES = 1_073_741_824

/** Packs state for the database, so that a damaged byte is noticed. Compresses off the event loop. */
export async function seal(content: Uint8Array): Promise<Buffer> {
  const packed = await compress(Buffer.from(content.buffer, content.byteOffset, content.byteLength))
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + packed.length)
  sealed[0] = SEAL_FORMAT
  sealed.writeUInt32BE(crc32(packed), 1)
  packed.copy(sealed, HEADER_BYTES)
  return sealed
}

/** @throws GuardianError GRD_SNAPSHOT_REFUSED when the bytes are not exactly what was sealed */
export function unseal(sealed: Buffer): Buffer {
  const format = sealed[0]
  if (sealed.length < HEADER_BYTES || (format !== SEAL_FORMAT && format !== DEFLATE_FORMAT))
    throw new GuardianError('GRD_SNAPSHOT_REFUSED', 'the detection state has no known envelope')
  const packed = sealed.subarray(HEADER_BYTES)
  if (crc32(packed) !== sealed.readUInt32BE(1))
    throw new GuardianError('GRD_SNAPSHOT_REFUSED', 'the checksum of the detection state does not match: it is damaged')
  return format === DEFLATE_FORMAT
    ? inflateRawSync(packed, { maxOutputLength: MAX_CONTENT_BYTES })
    : (uncompressSync(packed, { asBuffer: true }) as Buffer)
}
