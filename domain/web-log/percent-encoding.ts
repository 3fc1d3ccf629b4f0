/* Percent-encoding in the one spelling of RFC 3986 § 6.2.2: unreserved characters plain, hex digits in upper case. */

const PERCENT = 0x25
const HEX = '0123456789ABCDEF'
const REPLACEMENT_CHARACTER = 0xfffd

/** What a URI's path may have as it is (`pchar` and `/`), by character code. */
const PLAIN = new Uint8Array(128)
const UNRESERVED = new Uint8Array(128)
const mark = (table: Uint8Array, characters: string): void => {
  for (let at = 0; at < characters.length; at++) table[characters.charCodeAt(at)] = 1
}
const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
mark(UNRESERVED, `${LETTERS_AND_DIGITS}-._~`)
mark(PLAIN, `${LETTERS_AND_DIGITS}-._~!$&'()*+,;=:@/`)

/** Whether a character of a path is written as it is. */
export const isPlain = (code: number): boolean => PLAIN[code] === 1

/** The value of a hex digit, or -1. */
function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

const triplet = (byte: number): string => `%${HEX.charAt(byte >> 4)}${HEX.charAt(byte & 15)}`

/** A character as the percent-encoded bytes of its UTF-8; half of a surrogate pair as U+FFFD, as decoders read it. */
function encoded(codePoint: number): string {
  if (codePoint < 0x80) return triplet(codePoint)
  const point = codePoint >= 0xd800 && codePoint <= 0xdfff ? REPLACEMENT_CHARACTER : codePoint
  const last = triplet(0x80 | (point & 0x3f))
  if (point < 0x800) return triplet(0xc0 | (point >> 6)) + last
  const third = triplet(0x80 | ((point >> 6) & 0x3f)) + last
  if (point < 0x10000) return triplet(0xe0 | (point >> 12)) + third
  return triplet(0xf0 | (point >> 18)) + triplet(0x80 | ((point >> 12) & 0x3f)) + third
}

/**
 * Decodes what is unreserved, writes hex digits in upper case, and encodes what a URI must not have as it is: spaces,
 * control characters, characters beyond ASCII. A `%` without two hex digits becomes `%25`; otherwise `%3%34` would be
 * `%34` after one pass and `4` after two.
 * @param kept further characters that stay as they are
 */
export function normalisePercentEncoding(text: string, kept = ''): string {
  let out = ''
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isPlain(code) || (kept !== '' && kept.includes(text.charAt(at)))) continue
    let width = 1
    let piece: string
    if (code === PERCENT) {
      const high = hexValue(text.charCodeAt(at + 1))
      const low = high < 0 ? -1 : hexValue(text.charCodeAt(at + 2))
      const byte = low < 0 ? PERCENT : high * 16 + low
      if (low >= 0) width = 3
      piece = UNRESERVED[byte] === 1 ? String.fromCharCode(byte) : triplet(byte)
    } else {
      const point = text.codePointAt(at) ?? REPLACEMENT_CHARACTER
      if (point > 0xffff) width = 2
      piece = encoded(point)
    }
    out += text.slice(from, at) + piece
    from = at + width
    at = from - 1
  }
  return from === 0 ? text : out + text.slice(from)
}
