import { request as httpRequest, type Agent } from 'node:http'

/** A small generator with a seed: the same seed makes the same requests. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const VALUES = [
  '',
  '0',
  '-1',
  '1e309',
  '9007199254740993',
  '99999999999999999999999999',
  'NaN',
  'true',
  'null',
  '[]',
  '{"$gt":""}',
  "' OR '1'='1",
  "'; DROP TABLE anomaly_sessions; --",
  "\\'); SELECT pg_sleep(5); --",
  '%00',
  'a%00b',
  '%ff',
  '%C3%28',
  '%ED%A0%80',
  '%F0%9F%98%80',
  '%E2%80%AE',
  '%0d%0aset-cookie:x=1',
  '..%2f..%2fetc%2fpasswd',
  '%252e%252e%252f',
  '__proto__',
  'constructor',
  '<script>alert(1)</script>',
  '${7*7}',
  '2026-10-01',
  '2026-02-30',
  '0000-01-01',
  '9999-12-31T23:59:59-23:00',
  '+275760-09-13T00:00:00Z',
  'infinity',
  'open',
  'active',
  'HIGH_FREQUENCY',
  'A'.repeat(1_025),
  'é'.repeat(500),
  '%41'.repeat(2_000),
]

/** Ids that decode to something that is almost a key. */
const IDS = [
  [0, 's', 'r', 'active'],
  [-1, 's', 'r', 'active'],
  [253_402_300_799_999, 's', 'r', 'shadow'],
  [1e300, 's', 'r', 'active'],
  [0, '\ud800', 'r', 'active'],
  [0, 's\0', 'r', 'active'],
  [0, 'x'.repeat(3_000), 'r', 'active'],
  [0, ['s'], 'r', 'active'],
  { length: 4 },
].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url'))

const NAMES = [
  'session', 'rule', 'status', 'mode', 'from', 'to', 'limit', 'cursor', 'limit[]', 'limit[gt]', '__proto__', 'constructor',
  'toString', '', '%00', '%ff', 'Limit', 'x'.repeat(200),
] // prettier-ignore

const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE']

const HEADERS: readonly (readonly [string, string])[] = [
  ['x-request-id', '<script>'],
  ['x-request-id', 'x'.repeat(500)],
  ['content-type', 'application/json'],
  ['content-type', 'multipart/form-data; boundary=x'],
  ['content-encoding', 'gzip'],
  ['accept', 'application/x-nothing'],
  ['accept-encoding', '*;q=0'],
  ['if-none-match', '*'],
  ['range', 'bytes=0-1'],
  ['x-forwarded-for', '127.0.0.1, ::1'],
  ['x-http-method-override', 'DELETE'],
  ['host', 'evil.example'],
  ['expect', '100-continue'],
  ['authorization', `Bearer ${'a'.repeat(4_000)}`],
  ['cookie', '__proto__=1'],
  ['transfer-encoding', 'chunked'],
]

const BODIES = ['', '{', '{"__proto__":{"x":1}}', '['.repeat(5_000), '\0\0\0', 'a=b&a=c', 'x'.repeat(20_000)]

export interface HostileRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * One hostile request over one of the paths (with `{name}` parameters). Half of them have one fault only, so that it
 * reaches the code behind all the other checks; the rest are bent in several ways at once.
 */
export const hostileRequest = (random: () => number, paths: readonly string[]): HostileRequest =>
  random() < 0.5 ? withOneFault(random, paths) : withManyFaults(random, paths)

/** Every name with every value, one at a time, in the query of a path. */
export const everySingleFault = (path: string): HostileRequest[] =>
  NAMES.flatMap((name) =>
    [...VALUES, ...IDS].map((value) => ({
      method: 'GET',
      path: sendable(`${path}?${name}=${value}`),
      headers: {},
      body: '',
    })),
  )

const pick = <T>(random: () => number, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
const anyValue = (random: () => number) => (random() < 0.2 ? pick(random, IDS) : pick(random, VALUES))
/** What a client library would refuse to send is sent escaped. */
const sendable = (url: string) => url.replace(/[^\x21-\x7e]/g, encodeURIComponent)

function withOneFault(random: () => number, paths: readonly string[]): HostileRequest {
  const isInPath = random() < 0.3
  const path = isInPath
    ? pick(random, paths).replace(/\{\w+\}/g, () => anyValue(random))
    : `/anomalies?${pick(random, NAMES)}=${anyValue(random)}`
  return { method: 'GET', path: sendable(path), headers: {}, body: '' }
}

function withManyFaults(random: () => number, paths: readonly string[]): HostileRequest {
  let path = pick(random, paths).replace(/\{\w+\}/g, () => anyValue(random))
  if (random() < 0.1) path = `${path}/${anyValue(random)}`
  if (random() < 0.05) path = path.replaceAll('/', pick(random, ['//', '/./', '/%2e%2e/', '\\']))
  const parameters = Array.from(
    { length: Math.floor(random() * 4) },
    () => `${pick(random, NAMES)}=${anyValue(random)}`,
  )
  if (random() < 0.02) parameters.push('x=1&'.repeat(200))
  const url = parameters.length > 0 ? `${path}?${parameters.join(random() < 0.1 ? ';' : '&')}` : path
  return {
    method: pick(random, METHODS),
    path: sendable(url),
    headers: Object.fromEntries(Array.from({ length: Math.floor(random() * 3) }, () => pick(random, HEADERS))),
    body: random() < 0.2 ? pick(random, BODIES) : '',
  }
}

export interface Received {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Sends a request as it is. @throws Error when the connection breaks before an answer, or after `deadlineMs` */
export function send(
  port: number,
  { method, path, headers, body }: HostileRequest,
  deadlineMs: number,
  agent: Agent | false = false,
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const isChunked = headers['transfer-encoding'] !== undefined
    const length = body === '' || isChunked ? {} : { 'content-length': Buffer.byteLength(body) }
    const sent = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { ...headers, ...length },
      agent,
    })
    sent.setTimeout(deadlineMs, () => sent.destroy(new Error(`no answer in ${deadlineMs} ms`)))
    sent.on('error', reject)
    sent.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
      response.on('error', reject)
    })
    sent.end(body)
  })
}
