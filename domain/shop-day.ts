import { GuardianError } from './errors.js'
import { addDays, DAY_MS, startOfDayMs, utcDayOf, type UtcDay } from './utc-day.js'

/** A time zone by its IANA name, as `Europe/Berlin`. */
export type TimeZone = string & { readonly unit: 'time-zone' }

export const UTC = 'UTC' as TimeZone

/** A day of the shop as `[fromMs, toMs)`, in milliseconds since the epoch: 23, 24 or 25 hours, or others where a zone was moved. */
export interface DayBounds {
  readonly fromMs: number
  readonly toMs: number
}

/** Names of zones begin with a capital letter, part by part: Temporal's server knows them only as they are spelled. */
const NAME = /^[A-Z][\w+-]*(\/[A-Z][\w+-]*){0,2}$/

/** @throws GRD_BAD_INPUT when the text is not a time zone that this program knows */
export function parseTimeZone(text: string): TimeZone {
  try {
    if (NAME.test(text)) {
      formatterOf(text)
      return text as TimeZone
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  throw new GuardianError('GRD_BAD_INPUT', 'not an IANA time zone such as Europe/Berlin')
}

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Building one costs a thousand times as much as using it. @throws RangeError for an unknown zone */
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone)
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', era: 'short' },
      ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
    })
    formatters.set(timeZone, formatter)
  }
  return formatter
}

/** How far the clocks of a zone are ahead of UTC at an instant, in milliseconds. */
export function offsetMsAt(timeZone: TimeZone, instantMs: number): number {
  if (timeZone === UTC) return 0
  const seconds = Math.floor(instantMs / 1_000) * 1_000
  const parts = Object.fromEntries(
    formatterOf(timeZone)
      .formatToParts(seconds)
      .map(({ type, value }) => [type, value]),
  )
  const of = (name: string): number => Number(parts[name])
  const year = parts['era'] === 'BC' ? 1 - of('year') : of('year')
  const wall = new Date(0)
  wall.setUTCFullYear(year, of('month') - 1, of('day'))
  wall.setUTCHours(of('hour'), of('minute'), of('second'))
  return wall.getTime() - seconds
}

/** The day of a shop that holds an instant. Where clocks go back over midnight, an instant is of the day that had begun. */
export function shopDayOf(timeZone: TimeZone, instantMs: number): UtcDay {
  if (timeZone === UTC) return utcDayOf(instantMs)
  const day = utcDayOf(instantMs + offsetMsAt(timeZone, instantMs))
  const next = addDays(day, 1)
  return startOfShopDayMs(timeZone, next) <= instantMs ? next : day
}

/** The bounds of a day: the instants at which it and the next one begin. Of a day that a zone left out, both are the same. */
export const shopDayBounds = (timeZone: TimeZone, day: UtcDay): DayBounds => ({
  fromMs: startOfShopDayMs(timeZone, day),
  toMs: startOfShopDayMs(timeZone, addDays(day, 1)),
})

/** No zone is further from UTC than this, nor moves its clocks twice within it. */
const REACH_MS = 26 * 3_600_000
const STEP_MS = 2 * 3_600_000

/**
 * The first instant of a day: the first at which the clocks of the zone show its midnight, or a later time of the day
 * where they leave midnight out.
 */
export function startOfShopDayMs(timeZone: TimeZone, day: UtcDay): number {
  const midnight = startOfDayMs(day)
  if (timeZone === UTC) return midnight
  const offsets = new Set<number>()
  for (let at = midnight - REACH_MS; at <= midnight + REACH_MS; at += STEP_MS) offsets.add(offsetMsAt(timeZone, at))
  const midnights = [...offsets]
    .map((offset) => midnight - offset)
    .filter((at) => at + offsetMsAt(timeZone, at) === midnight)
  if (midnights.length > 0) return Math.min(...midnights)
  // The clocks jump over midnight: the day begins when they do.
  let [before, after] = [midnight - REACH_MS, midnight + REACH_MS]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (middle + offsetMsAt(timeZone, middle) >= midnight) after = middle
    else before = middle
  }
  return after
}

/** The UTC days that a day of the shop has a part in, first and last. A day without an instant has its first one alone. */
export const utcDaysOf = ({ fromMs, toMs }: DayBounds): { readonly first: UtcDay; readonly last: UtcDay } => ({
  first: utcDayOf(fromMs),
  last: utcDayOf(Math.max(fromMs, toMs - 1)),
})

/**
 * The hour, of the first few after midnight, at which something can start at a minute of every day: zones that move their clocks at
 * midnight have a day without 00:30, and Temporal leaves a start at a time that does not exist out.
 * @param fromMs the days of the two years from then on are looked at
 */
export function dailyStartHour(timeZone: TimeZone, minute: number, fromMs: number): number {
  if (timeZone === UTC) return 0
  const jumps = jumpsOf(timeZone, fromMs, fromMs + 2 * 366 * DAY_MS)
  const isLeftOut = (hour: number): boolean => {
    const wallMs = hour * 3_600_000 + minute * 60_000
    return jumps.some(({ fromWallMs, toWallMs }) => {
      const at = Math.floor(fromWallMs / DAY_MS) * DAY_MS + wallMs
      return [at, at + DAY_MS].some((wall) => wall >= fromWallMs && wall < toWallMs)
    })
  }
  return [0, 1, 2, 3, 4].find((hour) => !isLeftOut(hour)) ?? 5
}

/** The times that the clocks of a zone leave out, as if they were of UTC. */
function jumpsOf(timeZone: TimeZone, fromMs: number, toMs: number): { fromWallMs: number; toWallMs: number }[] {
  const jumps = []
  for (let at = fromMs; at < toMs; at += DAY_MS) {
    const [was, is] = [offsetMsAt(timeZone, at), offsetMsAt(timeZone, at + DAY_MS)]
    if (is <= was) continue
    let [before, after] = [at, at + DAY_MS]
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (offsetMsAt(timeZone, middle) === was) before = middle
      else after = middle
    }
    jumps.push({ fromWallMs: after + was, toWallMs: after + is })
  }
  return jumps
}
