import type { SeededRandom } from '../../cli/simulate/seeded-random.js'

/** One request, with what a server logs of it: what the client chose is free, all else is the server's. */
export interface LoggedRequest {
  /** Of the server: an address, or nonsense in a few lines, which are rejected. */
  readonly client: string
  readonly atMs: number
  readonly method: string
  readonly status: number
  readonly user: string
  readonly path: string
  readonly referrer: string
  readonly userAgent: string
}

export interface FuzzedFormat {
  readonly name: string
  /** As `--format` takes it. */
  readonly format: string
  readonly write: (request: LoggedRequest) => string
}

const hex = (char: string): string => `\\x${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}`
/** nginx writes quotes, backslashes and control characters as `\xHH`. */
const nginx = (text: string): string => text.replaceAll(/["\\\u0000-\u001f\u007f]/g, hex)
/** Apache writes quotes and backslashes with a backslash, and control characters by their C escapes or as `\xhh`. */
const apache = (text: string): string =>
  text
    .replaceAll(/["\\]/g, '\\$&')
    .replaceAll(
      /[\u0000-\u001f\u007f]/g,
      (char) => ({ '\n': '\\n', '\t': '\\t', '\r': '\\r' })[char] ?? hex(char).toLowerCase(),
    )
/** A server that escapes nothing but what would break the line. */
const raw = (text: string): string => text.replaceAll(/[\r\n]/g, ' ')
const plus = (text: string): string => text.replaceAll(/[\u0000-\u0020\u007f]/g, '+') || '-'
const percent = (text: string): string => encodeURIComponent(text).replaceAll('%20', '%2520') || '-'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (value: number): string => String(value).padStart(2, '0')
function clf(atMs: number): string {
  const at = new Date(atMs)
  const date = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()] ?? ''}/${at.getUTCFullYear()}`
  return `${date}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`
}
const iso = (atMs: number): string => new Date(atMs).toISOString()
const requestLine = ({ method, path }: LoggedRequest): string => `${method} ${path} HTTP/1.1`

type Escape = (text: string) => string
const common = (r: LoggedRequest, escape: Escape): string =>
  `${r.client} - ${escape(r.user) || '-'} [${clf(r.atMs)}] "${escape(requestLine(r))}" ${r.status} 512`
const combined = (r: LoggedRequest, escape: Escape): string =>
  `${common(r, escape)} "${escape(r.referrer) || '-'}" "${escape(r.userAgent) || '-'}"`

/** Twelve formats as their servers write them. */
export const FUZZED_FORMATS: readonly FuzzedFormat[] = [
  { name: 'common', format: 'common', write: (r) => common(r, apache) },
  { name: 'combined (Apache)', format: 'combined', write: (r) => combined(r, apache) },
  { name: 'combined (nginx)', format: 'combined', write: (r) => combined(r, nginx) },
  { name: 'vhost_combined', format: 'vhost_combined', write: (r) => `shop.example:443 ${combined(r, apache)}` },
  {
    name: 'caddy',
    format: 'caddy',
    write: (r) =>
      JSON.stringify({
        level: 'info',
        ts: r.atMs / 1_000,
        logger: 'http.log.access',
        request: {
          remote_ip: r.client,
          method: r.method,
          uri: r.path,
          headers: { 'User-Agent': [r.userAgent], Referer: [r.referrer] },
        },
        user_id: r.user,
        status: r.status,
      }),
  },
  {
    name: 'traefik',
    format: 'traefik',
    write: (r) =>
      JSON.stringify({
        ClientHost: r.client,
        ClientUsername: r.user,
        RequestMethod: r.method,
        RequestPath: r.path,
        DownstreamStatus: r.status,
        StartUTC: iso(r.atMs),
        'request_User-Agent': r.userAgent,
        request_Referer: r.referrer,
      }),
  },
  {
    name: 'nginx-json (escape=json)',
    format: 'nginx-json',
    write: (r) =>
      JSON.stringify({
        time_iso8601: iso(r.atMs),
        remote_addr: r.client,
        remote_user: r.user,
        request: requestLine(r),
        status: r.status,
        http_referer: r.referrer,
        http_user_agent: r.userAgent,
      }),
  },
  {
    name: 'nginx-json (escape=default)',
    format: 'nginx-json',
    write: (r) =>
      `{"time_local":"${clf(r.atMs)}","remote_addr":"${r.client}","remote_user":"${nginx(r.user)}","request":"${nginx(requestLine(r))}","status":${r.status},"http_referer":"${nginx(r.referrer)}","http_user_agent":"${nginx(r.userAgent)}"}`,
  },
  {
    name: 'iis',
    format: 'iis',
    write: (r) =>
      `${iso(r.atMs).slice(0, 10)} ${iso(r.atMs).slice(11, 19)} 192.0.2.1 ${r.method} ${plus(r.path)} - 443 ${plus(r.user)} ${r.client} ${plus(r.userAgent)} ${plus(r.referrer)} ${r.status} 0 0 15`,
  },
  {
    name: 'cloudfront',
    format: 'cloudfront',
    write: (r) =>
      [
        ...[
          iso(r.atMs).slice(0, 10),
          iso(r.atMs).slice(11, 19),
          'FRA56-P1',
          '512',
          r.client,
          r.method,
          'd.cloudfront.net',
        ],
        ...[encodeURI(r.path), r.status, percent(r.referrer), percent(r.userAgent), '-', '-', 'Hit', 'id=='],
      ].join('\t'),
  },
  {
    name: 'alb',
    format: 'alb',
    write: (r) =>
      `https ${iso(r.atMs)} app/lb/50dc6c495c0c9188 ${r.client} 10.0.0.1:80 0.086 0.048 0.037 ${r.status} ${r.status} 0 57 "${nginx(`${r.method} https://shop.example:443${r.path} HTTP/1.1`)}" "${nginx(r.userAgent)}" cipher TLSv1.2 arn:aws:x "Root=1" "shop.example" "-" 1 ${iso(r.atMs)} "forward" "-" "-"`,
  },
  {
    name: 'a log_format, unescaped',
    format: '$remote_addr [$time_local] $status "$request" "$http_referer" "$http_user_agent" "$remote_user"',
    write: (r) =>
      `${r.client} [${clf(r.atMs)}] ${r.status} "${raw(requestLine(r))}" "${raw(r.referrer)}" "${raw(r.userAgent)}" "${raw(r.user)}"`,
  },
]

/** Parts that separate fields somewhere, or mean something to somebody. */
const HOSTILE = [
  ...[
    '"',
    '" "',
    '\\',
    '\\"',
    '[',
    ']',
    '] "',
    ' [',
    ' - - ',
    '{',
    '}',
    '":"',
    ',',
    '\t',
    ' ',
    '\u0000',
    '\u001b[31m',
    '\u007f',
  ],
  ...[
    '[06/Oct/2026:10:00:00 +0000]',
    '[06/Oct/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5',
    '200 512 "-" "-"',
    ' HTTP/1.1',
    '#Fields: date',
  ],
  ...[
    '%00',
    '%zz',
    '%2e%2e/',
    '<script>',
    '__proto__',
    '-',
    '""',
    'null',
    'ü',
    '😀',
    '\u2028',
    '\r',
    '\n',
    '192.0.2.9',
    'GET /x HTTP/1.1',
  ],
]
const ADDRESSES = ['203.0.113.9', '2001:db8::7', '[2001:db8::7]:443', '198.51.100.7:51234', '::ffff:192.0.2.1']
const NO_ADDRESSES = ['-', 'unix:', '999.1.1.1']
const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'OPTIONS']
const PATHS = ['/', '/item/42', '/a/b/c.html', '/logo.png', '/api/cart', '/search']
const MAX_PARTS = 6
const FIRST_MS = Date.UTC(2020, 0, 1)

const pick = <T>(random: SeededRandom, from: readonly T[]): T => {
  const found = from[random.whole(0, from.length - 1)]
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}

/** A text as a client may choose it: empty, ordinary, hostile or long. */
function clientText(random: SeededRandom, ordinary: string): string {
  const parts = Array.from({ length: random.whole(0, MAX_PARTS) }, () =>
    random.chance(0.7) ? pick(random, HOSTILE) : ordinary,
  )
  const text = parts.join('')
  return random.chance(0.01) ? text.repeat(200) : text
}

/** A request of which everything that the client chooses may be anything. */
export function randomRequest(random: SeededRandom): LoggedRequest {
  const suffix = random.chance(0.5) ? clientText(random, 'x').replaceAll(/[\r\n]/g, '') : ''
  return {
    client: random.chance(0.05) ? pick(random, NO_ADDRESSES) : pick(random, ADDRESSES),
    atMs: FIRST_MS + random.whole(0, 200_000_000) * 1_000,
    method: pick(random, METHODS),
    status: random.whole(200, 599),
    user: clientText(random, 'anna'),
    path: pick(random, PATHS) + suffix,
    referrer: clientText(random, 'https://r.example/'),
    userAgent: clientText(random, 'Mozilla/5.0 (X11; Linux x86_64)'),
  }
}

/** The line of a request, as a server of the format writes it. */
export const writeLine = (format: FuzzedFormat, request: LoggedRequest): string => format.write(request)
