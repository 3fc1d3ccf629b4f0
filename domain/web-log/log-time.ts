const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const EARLIEST_MS = Date.UTC(2000, 0, 1)
const LATEST_MS = Date.UTC(2600, 0, 1)

/** The offset from UTC, in milliseconds, of a local time that does not name its zone. */
export type ZoneOffset = (localMs: number) => number

export const UTC: ZoneOffset = () => 0

/** Apache, nginx `$time_local`: `06/Oct/2026:10:00:00 +0000`, also with a fraction of a second. */
const CLF = /^(\d{1,2})\/([A-Za-z]{3})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?: ?(Z|[+-]\d{2}:?\d{2}))?$/
/** ISO 8601 and RFC 3339, also with a space in the place of the T, with slashes, and without a zone. */
const ISO =
  /^(\d{4})[-/](\d{2})[-/](\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?: ?(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}))?$/i
/** RFC 1123: `Tue, 06 Oct 2026 10:00:00 GMT`. */
const RFC_1123 = /^[A-Za-z]{3}, (\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2})()(?: (GMT|UTC|[+-]\d{4}))?$/
/** Seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by the number of digits. */
const EPOCH = /^(\d{9,19})(?:\.(\d{1,9}))?$/

/**
 * Reads the time of a log line, in any of the notations above.
 * @param zone for a time that does not name its zone
 * @returns milliseconds since the epoch; undefined when the text is no time, or one that does not exist, or outside the
 * years 2000 to 2599. A leap second counts as the second before it.
 */
export function parseLogTime(text: string, zone: ZoneOffset = UTC): number | undefined {
  const clf = CLF.exec(text) ?? RFC_1123.exec(text)
  if (clf) return instant([clf[3], monthOf(clf[2]), clf[1], clf[4], clf[5], clf[6]], clf[7], clf[8], zone)
  const iso = ISO.exec(text)
  if (iso) return instant([iso[1], iso[2], iso[3], iso[4], iso[5], iso[6]], iso[7], iso[8], zone)
  const epoch = EPOCH.exec(text)
  return epoch ? plausible(epochMs(epoch[1] ?? '', epoch[2] ?? '')) : undefined
}

const monthOf = (name = ''): string => String(MONTHS.indexOf(name.toLowerCase()) + 1)

function instant(
  parts: readonly (string | undefined)[],
  fraction: string | undefined,
  zoneText: string | undefined,
  zone: ZoneOffset,
): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number)
  const dayMs = Date.UTC(year, month - 1, day)
  const isReal = month >= 1 && month <= 12 && new Date(dayMs).getUTCDate() === day
  if (!isReal || hour > 23 || minute > 59 || second > 60) return undefined
  const localMs = dayMs + ((hour * 60 + minute) * 60 + Math.min(59, second)) * 1_000 + fractionMs(fraction)
  const offsetMs = zoneText === undefined ? zone(localMs) : namedOffset(zoneText)
  return offsetMs === undefined ? undefined : plausible(localMs - offsetMs)
}

const fractionMs = (digits = ''): number => (digits === '' ? 0 : Number(digits.padEnd(3, '0').slice(0, 3)))

function namedOffset(text: string): number | undefined {
  const parts = /^([+-])(\d{2}):?(\d{2})?$/.exec(text)
  if (!parts) return 0
  const [, sign, hours, minutes = '0'] = parts
  if (Number(hours) > 18 || Number(minutes) > 59) return undefined
  return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1)
}

function epochMs(whole: string, fraction: string): number {
  if (whole.length <= 11) return Number(whole) * 1_000 + fractionMs(fraction)
  if (whole.length <= 14) return Number(whole)
  return Math.floor(Number(whole.slice(0, 13)))
}

const plausible = (ms: number): number | undefined => (ms >= EARLIEST_MS && ms < LATEST_MS ? ms : undefined)

/**
 * Reads times that mostly repeat: lines of one second have the same text.
 * @param zone for times that do not name their zone
 */
export function createTimeReader(zone: ZoneOffset): (text: string) => number | undefined {
  let lastText = ''
  let lastMs: number | undefined
  return (text) => {
    if (text !== lastText) {
      lastMs = parseLogTime(text, zone)
      lastText = text
    }
    return lastMs
  }
}
