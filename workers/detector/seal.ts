import { crc32, inflateRawSync } from 'node:zlib'
import { GuardianError } from '../../domain/errors.js'

/** Format of the envelope: this byte, a CRC-32 (big-endian) of it and of the content, the content as it is. */
const SEAL_FORMAT = 2
/** Of release 0.1.0: the CRC-32 is that of what follows, which is the content as raw deflate. */
const DEFLATED_FORMAT = 1
const HEADER_BYTES = 5
/** More than any state that fits the memory limit; a damaged length must not ask for more. */
const MAX_CONTENT_BYTES = 1_073_741_824

const refused = (detail: string, cause?: unknown): GuardianError =>
  new GuardianError('GRD_SNAPSHOT_REFUSED', `the detection state ${detail}`, { cause })

const checksum = (content: Uint8Array): number => crc32(content, crc32(Uint8Array.of(SEAL_FORMAT)))

/** Puts state into an envelope by which a damaged byte is noticed. It is not packed: that took longer than to store it. */
export function seal(content: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + content.length)
  sealed.set(content, HEADER_BYTES)
  return closed(sealed)
}

/**
 * The same without a copy: the envelope is written in front of the content, where it lies.
 * @throws RangeError when there is no room in front of it
 */
export function sealInPlace({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): Buffer {
  return closed(Buffer.from(buffer, byteOffset - HEADER_BYTES, HEADER_BYTES + length))
}

function closed(sealed: Buffer): Buffer {
  sealed[0] = SEAL_FORMAT
  sealed.writeUInt32BE(checksum(sealed.subarray(HEADER_BYTES)), 1)
  return sealed
}

/** @throws GuardianError GRD_SNAPSHOT_REFUSED when the bytes are not exactly what was sealed */
export function unseal(sealed: Buffer): Buffer {
  const [format] = sealed
  if (sealed.length < HEADER_BYTES || (format !== SEAL_FORMAT && format !== DEFLATED_FORMAT))
    throw refused('has no known envelope')
  const content = sealed.subarray(HEADER_BYTES)
  const expected = format === SEAL_FORMAT ? checksum(content) : crc32(content)
  if (expected !== sealed.readUInt32BE(1)) throw refused('has another checksum than when it was stored: it is damaged')
  return format === SEAL_FORMAT ? content : inflated(content)
}

function inflated(packed: Buffer): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: MAX_CONTENT_BYTES })
  } catch (cause) {
    throw refused('cannot be unpacked', cause)
  }
}
