/** A whole number with separated thousands: 1512 is "1,512". */
export const numberWords = (n: number): string => String(Math.trunc(n)).replaceAll(/\B(?=(\d{3})+$)/g, ',')

/** A number and its noun: "1 record", "1,512 records". */
export const countOf = (n: number, noun: string, plural = `${noun}s`): string =>
  `${numberWords(n)} ${n === 1 ? noun : plural}`

/** Names in a sentence: "a", "a and b", "a, b and c". */
export const listOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`

/** Names in a sentence, and how many others there are beyond `most`. */
export const someOf = (names: readonly string[], most: number): string =>
  names.length <= most ? listOf(names) : listOf([...names.slice(0, most), countOf(names.length - most, 'other')])

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** A length of time, in the largest unit of which there are two, at least a minute: "minute", "5 minutes", "36 hours". */
export function spanWords(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, length]) => ms >= 2 * length) ?? (['minute', 60_000] as const)
  const n = Math.max(1, Math.round(ms / unitMs))
  return n === 1 ? unit : `${n} ${unit}s`
}

/** An instant for people: "2026-10-06 10:20 UTC". */
export const timeWords = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** A text from elsewhere as one line of a message: no control characters, and not longer than `max`. */
export function oneLine(text: string, max: number): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return line.length <= max ? line : `${line.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
