import type { Text } from '../text.js'

const UUID_LENGTH = 36
const HYPHEN = 45
const NOT_HEX = -1

/**
 * Reads an event id as 128 bits. A canonical lower-case UUID has exactly one such form and back, so comparing the bits
 * is comparing the text; any other text is left to be compared as text.
 */
export class EventIdBits {
  w0 = 0
  w1 = 0
  w2 = 0
  w3 = 0
  readonly #units = new DataView(new ArrayBuffer(UUID_LENGTH))

  /** @returns false, and leaves the words undefined, when the id is not a canonical lower-case UUID */
  read(id: Text): boolean {
    if (typeof id === 'string') return this.#readString(id)
    const { view } = id
    return view ? id.to - id.from === UUID_LENGTH && this.#readBytes(view, id.from) : this.#readString(id.toString())
  }

  #readString(id: string): boolean {
    if (id.length !== UUID_LENGTH) return false
    const units = this.#units
    for (let i = 0; i < UUID_LENGTH; i++) {
      const unit = id.charCodeAt(i)
      if (unit > 0x7f) return false
      units.setUint8(i, unit)
    }
    return this.#readBytes(units, 0)
  }

  #readBytes(bytes: DataView, at: number): boolean {
    const hyphens = (bytes.getUint8(at + 8) ^ HYPHEN) | (bytes.getUint8(at + 13) ^ HYPHEN)
    if ((hyphens | (bytes.getUint8(at + 18) ^ HYPHEN) | (bytes.getUint8(at + 23) ^ HYPHEN)) !== 0) return false
    const a = hex4(bytes.getInt32(at, true))
    const b = hex4(bytes.getInt32(at + 4, true))
    const c = hex4(bytes.getInt32(at + 9, true))
    const d = hex4(bytes.getInt32(at + 14, true))
    const e = hex4(bytes.getInt32(at + 19, true))
    const f = hex4(bytes.getInt32(at + 24, true))
    const g = hex4(bytes.getInt32(at + 28, true))
    const h = hex4(bytes.getInt32(at + 32, true))
    if ((a | b | c | d | e | f | g | h) < 0) return false
    this.w0 = (a << 16) | b
    this.w1 = (c << 16) | d
    this.w2 = (e << 16) | f
    this.w3 = (g << 16) | h
    return true
  }
}

/**
 * Four lower-case hexadecimal digits, the first in the lowest byte, as 0..65535, or -1 when one of them is no digit. All
 * four at once: each byte is its digit's value, and what the digit of that value looks like must be what is there.
 */
function hex4(four: number): number {
  const isLetter = (four >>> 6) & 0x01010101
  const digits = (four & 0x0f0f0f0f) + Math.imul(isLetter, 9)
  const isAboveNine = ((digits + 0x06060606) >>> 4) & 0x01010101
  const written = (digits + 0x30303030 + Math.imul(isLetter, 0x27)) | 0
  if (written !== four || isAboveNine !== isLetter || (digits & 0xf0f0f0f0) !== 0) return NOT_HEX
  const pairs = (digits << 4) | (digits >>> 8)
  return ((pairs & 0xff) << 8) | ((pairs >>> 16) & 0xff)
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')

/** The UUID that `EventIdBits.read` read. */
export function eventIdText(w0: number, w1: number, w2: number, w3: number): string {
  const b = hex(w1)
  const c = hex(w2)
  return `${hex(w0)}-${b.slice(0, 4)}-${b.slice(4)}-${c.slice(0, 4)}-${c.slice(4)}${hex(w3)}`
}
