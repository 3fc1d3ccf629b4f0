/** One request of a web server's access log. */
export interface AccessLogEntry {
  readonly address: string
  /** The authenticated user, or null. */
  readonly user: string | null
  readonly atMs: number
  /** Path without query and fragment, as requested. */
  readonly path: string
  /** Path with query, as requested. */
  readonly pathWithQuery: string
  readonly referrer: string | null
  /** Null when the log says `-`, and in the common format, which does not tell. */
  readonly userAgent: string | null
}

/** Why a line is not an entry, as a closed list that is safe to count by. */
export const REJECTIONS = ['too_long', 'binary', 'not_an_access_log_line', 'bad_time', 'in_the_future'] as const
export type Rejection = (typeof REJECTIONS)[number]

export type ParsedLine =
  | { readonly kind: 'entry'; readonly entry: AccessLogEntry }
  /** A whole line whose request names no path: a time-out (`-`), or bytes of another protocol. */
  | { readonly kind: 'no_request' }
  | { readonly kind: 'blank' }
  | { readonly kind: 'rejected'; readonly reason: Rejection }

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const EARLIEST_MS = Date.UTC(2000, 0, 1)
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/

const rejected = (reason: Rejection): ParsedLine => ({ kind: 'rejected', reason })

/**
 * Reads a line of the common or combined log format of Apache and nginx; further fields after them are left alone, as
 * in nginx's `main`. Each character is looked at a bounded number of times, whatever the line.
 */
export function parseAccessLogLine(line: string): ParsedLine {
  if (line.trim() === '') return { kind: 'blank' }
  if (CONTROL.test(line)) return rejected('binary')
  const timeFrom = line.indexOf(' [')
  const timeTo = line.indexOf('] "', timeFrom)
  if (timeFrom < 0 || timeTo < 0) return rejected('not_an_access_log_line')
  const who = /^(\S+) (\S+) (\S.*)$/.exec(line.slice(0, timeFrom))
  const request = quoted(line, timeTo + 2)
  if (!who || !request) return rejected('not_an_access_log_line')
  const result = /^ (?:\d{3}|-) (?:\d+|-)(?: |$)/.exec(line.slice(request.end, request.end + 40))
  if (!result) return rejected('not_an_access_log_line')
  const atMs = parseTime(line.slice(timeFrom + 2, timeTo))
  if (atMs === undefined) return rejected('bad_time')
  const tail = combinedTail(line, request.end + result[0].length)
  if (!tail) return rejected('not_an_access_log_line')
  const target = targetOf(request.text)
  if (target === undefined) return { kind: 'no_request' }
  const [, address = '', , user = '-'] = who
  const path = target.replace(/[?#].*$/, '')
  return { kind: 'entry', entry: { address, user: dashIsNull(user), atMs, path, pathWithQuery: target, ...tail } }
}

const dashIsNull = (text: string): string | null => (text === '-' || text === '' ? null : text)

/** Referrer and agent; without them, the common format. Undefined when they are there but not whole. */
function combinedTail(line: string, from: number): { referrer: string | null; userAgent: string | null } | undefined {
  if (line.slice(from).trim() === '') return { referrer: null, userAgent: null }
  const referrer = quoted(line, from)
  if (!referrer || line[referrer.end] !== ' ') return undefined
  const agent = quoted(line, referrer.end + 1)
  if (!agent || (agent.end < line.length && line[agent.end] !== ' ')) return undefined
  return { referrer: dashIsNull(referrer.text), userAgent: dashIsNull(agent.text) }
}

/** A field in double quotes, in which a backslash keeps the next character; its text stays as the server wrote it. */
function quoted(line: string, from: number): { readonly text: string; readonly end: number } | undefined {
  if (line[from] !== '"') return undefined
  for (let at = from + 1; at < line.length; at++) {
    if (line[at] === '\\') at++
    else if (line[at] === '"') return { text: line.slice(from + 1, at), end: at + 1 }
  }
  return undefined
}

/** `GET /path?query HTTP/1.1` → `/path?query`; of an absolute target, what comes after the host. */
function targetOf(request: string): string | undefined {
  const afterMethod = /^[A-Z][A-Z_-]{0,31} /.exec(request)?.[0].length
  if (afterMethod === undefined) return undefined
  const protocolFrom = request.lastIndexOf(' HTTP/')
  const target = request.slice(afterMethod, protocolFrom < afterMethod ? undefined : protocolFrom).trim()
  if (target === '') return undefined
  const origin = /^https?:\/\/[^/?#]*/i.exec(target)?.[0]
  if (origin === undefined) return target
  const rest = target.slice(origin.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** `17/May/2015:10:05:03 +0200`, with every field in its bounds. */
function parseTime(text: string): number | undefined {
  const parts = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/.exec(text)
  if (!parts) return undefined
  const [, day, month = '', year, hour, minute, second, sign, zoneHours, zoneMinutes] = parts
  const monthAt = MONTHS.indexOf(month)
  const localMs = Date.UTC(
    Number(year),
    monthAt,
    Number(day),
    Number(hour),
    Number(minute),
    Math.min(59, Number(second)),
  )
  const isReal = monthAt >= 0 && new Date(localMs).getUTCDate() === Number(day)
  if (!isReal || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000 * (sign === '-' ? -1 : 1)
  const atMs = localMs - zoneMs
  return atMs >= EARLIEST_MS ? atMs : undefined
}
