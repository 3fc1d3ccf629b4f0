import type { ZoneOffset } from '../../domain/web-log/log-time.js'

const HOUR_MS = 3_600_000

/**
 * The offset of a zone, `+09:00` or an IANA name, for local times. A local time that a change of clocks skips or repeats
 * has the offset from before the change.
 * @throws RangeError for a zone that does not exist
 */
export function zoneOffset(name: string): ZoneOffset {
  const fixed = /^([+-])(\d{2}):?(\d{2})$/.exec(name)
  if (fixed) {
    const [, sign, hours, minutes] = fixed
    const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1)
    return () => offsetMs
  }
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
  })
  let lastHour = Number.NaN
  let lastOffsetMs = 0
  return (localMs) => {
    // Zones change their clocks at whole quarters of an hour.
    const quarter = Math.floor(localMs / (HOUR_MS / 4))
    if (quarter !== lastHour) {
      lastHour = quarter
      lastOffsetMs = offsetAt(format, quarter * (HOUR_MS / 4))
    }
    return lastOffsetMs
  }
}

function offsetAt(format: Intl.DateTimeFormat, localMs: number): number {
  const offsetOf = (atMs: number): number => wallMs(format, atMs) - atMs
  const before = offsetOf(localMs - 24 * HOUR_MS)
  const offset = offsetOf(localMs - before)
  return offsetOf(localMs - offset) === offset ? offset : before
}

/** What the clocks of the zone show, as if it were UTC. */
function wallMs(format: Intl.DateTimeFormat, atMs: number): number {
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]))
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
}
