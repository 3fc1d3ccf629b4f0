import { SeededRandom } from '../../cli/simulate/seeded-random.js'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const TIME = /\[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})\]/

export interface LateLinesOptions {
  readonly seed: number
  /** Of the lines, 0..1; 0.05 if not given. */
  readonly share?: number
  /** In time of the log; 120 if not given. */
  readonly atMostSeconds?: number
}

/**
 * The same lines of an access log, of which a share comes later than lines that are up to so many seconds newer.
 * @param lines of a log in the common or combined format, in order of time or nearly so; the first has a time
 */
export function withLateLines(lines: readonly string[], options: LateLinesOptions): string[] {
  const { seed, share = 0.05, atMostSeconds = 120 } = options
  const random = new SeededRandom(seed)
  let newestMs = Number.NEGATIVE_INFINITY
  const placed = lines.map((line) => {
    if (!TIME.test(line)) return { line, placeMs: newestMs } // no event: it stays where it is
    const atMs = logTimeMs(line)
    newestMs = Math.max(newestMs, atMs)
    // Whatever comes before a line that is late was in its place by then, so nothing before it is newer than that.
    return { line, placeMs: random.chance(share) ? atMs + random.whole(1, atMostSeconds) * 1_000 : newestMs }
  })
  return placed.sort((a, b) => a.placeMs - b.placeMs).map(({ line }) => line)
}

/** When a line of the common or combined format says that its request was made. @throws for a line without a time */
export function logTimeMs(line: string): number {
  const [, day, month = '', year, hour, minute, second, sign, zoneHours, zoneMinutes] = TIME.exec(line) ?? []
  if (day === undefined) throw new Error(`no time in ${line.slice(0, 100)}`)
  const localMs = Date.UTC(
    Number(year),
    MONTHS.indexOf(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000
  return sign === '-' ? localMs + zoneMs : localMs - zoneMs
}
