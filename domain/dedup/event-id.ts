import type { Text, TextBytes } from '../text.js'

const NOT_HEX = -1

/** Value of each byte or UTF-16 unit as a lower-case hexadecimal digit. Upper case is another string, so it is not one here. */
const HEX = new Int8Array(65_536).fill(NOT_HEX)
for (let digit = 0; digit < 16; digit++) HEX[digit.toString(16).charCodeAt(0)] = digit

const UUID_LENGTH = 36
const HYPHEN = 45

/**
 * Reads an event id as 128 bits. A canonical lower-case UUID has exactly one such form and back, so comparing the bits
 * is comparing the text; any other text is left to be compared as text.
 */
export class EventIdBits {
  w0 = 0
  w1 = 0
  w2 = 0
  w3 = 0
  readonly #units = new Uint16Array(UUID_LENGTH)

  /** @returns false, and leaves the words undefined, when the id is not a canonical lower-case UUID */
  read(id: Text): boolean {
    if (typeof id === 'string') return this.#readString(id)
    const { bytes } = id
    return bytes ? id.to - id.from === UUID_LENGTH && this.#readBytes(bytes, id.from) : this.#readString(id.toString())
  }

  #readString(id: string): boolean {
    if (id.length !== UUID_LENGTH) return false
    const units = this.#units
    for (let i = 0; i < UUID_LENGTH; i++) units[i] = id.charCodeAt(i)
    return this.#readBytes(units, 0)
  }

  #readBytes(bytes: TextBytes | Uint16Array, at: number): boolean {
    if (bytes[at + 8] !== HYPHEN || bytes[at + 13] !== HYPHEN || bytes[at + 18] !== HYPHEN || bytes[at + 23] !== HYPHEN)
      return false
    const a = hex4(bytes, at)
    const b = hex4(bytes, at + 4)
    const c = hex4(bytes, at + 9)
    const d = hex4(bytes, at + 14)
    const e = hex4(bytes, at + 19)
    const f = hex4(bytes, at + 24)
    const g = hex4(bytes, at + 28)
    const h = hex4(bytes, at + 32)
    if ((a | b | c | d | e | f | g | h) < 0) return false
    this.w0 = (a << 16) | b
    this.w1 = (c << 16) | d
    this.w2 = (e << 16) | f
    this.w3 = (g << 16) | h
    return true
  }
}

/** Four digits as 0..65535, or a negative number when one of them is no digit. */
function hex4(bytes: TextBytes | Uint16Array, at: number): number {
  const a = HEX[bytes[at] ?? 0] ?? NOT_HEX
  const b = HEX[bytes[at + 1] ?? 0] ?? NOT_HEX
  const c = HEX[bytes[at + 2] ?? 0] ?? NOT_HEX
  const d = HEX[bytes[at + 3] ?? 0] ?? NOT_HEX
  return (a << 12) | (b << 8) | (c << 4) | d
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')

/** The UUID that `EventIdBits.read` read. */
export function eventIdText(w0: number, w1: number, w2: number, w3: number): string {
  const b = hex(w1)
  const c = hex(w2)
  return `${hex(w0)}-${b.slice(0, 4)}-${b.slice(4)}-${c.slice(0, 4)}-${c.slice(4)}${hex(w3)}`
}
