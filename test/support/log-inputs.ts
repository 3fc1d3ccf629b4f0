import { gzipSync } from 'node:zlib'
import { FUZZED_FORMATS, type FuzzedFormat, type LoggedRequest } from './fuzzed-log.js'

/** Logs in which practitioners found a class of fault, and what has to come of them. */
export interface LogInput {
  readonly name: string
  /** File name, which is the server unless `args` say otherwise. */
  readonly file: string
  readonly bytes: Buffer
  readonly args: readonly string[]
  readonly accepted: number
  readonly skipped: number
  readonly rejected: number
  readonly sessions: number
  /** Rule and events of each anomaly that holds at the end of the log. */
  readonly anomalies: readonly string[]
}

const SPELLINGS = ['/item/42', '//item/42', '/item/./42', '/item/42/', '/x/../item/42', '/item/%34%32']
const HOSTILE_USERS = ['a [b', 'u'.repeat(600), '[06/Oct/2026:10:00:00 +0000]', '" - [', 'ü 😀', '-']
const HOSTILE_AGENTS = ['A [x] "y"', 'B \\ C', `D ${'long '.repeat(300)}`]

type Make = (at: number) => Partial<LoggedRequest>

/** So many requests within ten seconds of one minute, each made by its number. */
function requests(count: number, fromMs: number, client: string, make: Make): LoggedRequest[] {
  return Array.from({ length: count }, (_, at) => ({
    client,
    atMs: fromMs + Math.floor((9 * at) / count) * 1_000,
    method: 'GET',
    status: 200,
    user: '-',
    path: `/item/${at}`,
    referrer: '-',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64)',
    ...make(at),
  }))
}

interface Kind {
  readonly name: string
  readonly requests: (fromMs: number, client: string) => LoggedRequest[]
  readonly expected: Pick<LogInput, 'accepted' | 'skipped' | 'rejected' | 'sessions' | 'anomalies'>
}

const FOUND = { skipped: 0, rejected: 0, sessions: 1 }

/** What is written in every format. The expectation follows from how the requests are made. */
const KINDS: readonly Kind[] = [
  {
    name: 'a scraper behind hostile names and agents that change',
    requests: (fromMs, client) =>
      requests(60, fromMs, client, (at) => ({ user: HOSTILE_USERS[at % HOSTILE_USERS.length] ?? '' })),
    expected: { ...FOUND, accepted: 60, anomalies: ['HIGH_FREQUENCY 60'] },
  },
  {
    name: 'one page in many spellings',
    requests: (fromMs, client) =>
      requests(130, fromMs, client, (at) => ({
        path: SPELLINGS[at % 5] ?? '',
        atMs: fromMs + Math.floor((59 * at) / 130) * 1_000,
      })),
    expected: { ...FOUND, accepted: 130, anomalies: ['BOT_LIKE 130'] },
  },
  {
    name: 'six visitors at once',
    requests: (fromMs, client) =>
      requests(60, fromMs, client, (at) => ({
        client: client.replace(/\d+$/, (last) => String(Number(last) + (at % 6))),
      })),
    expected: { ...FOUND, accepted: 60, sessions: 6, anomalies: [] },
  },
  {
    name: 'one client on a port per request',
    requests: (fromMs, client) => requests(80, fromMs, client, (at) => ({ client: `${client}:${40_000 + at}` })),
    expected: { ...FOUND, accepted: 80, anomalies: ['HIGH_FREQUENCY 80'] },
  },
  {
    name: 'one page load with its images and data',
    requests: (fromMs, client) =>
      requests(61, fromMs, client, (at) => ({
        path:
          at === 0
            ? '/category/shoes'
            : at % 2 === 0
              ? `/_next/image?url=%2Fp%2F${at}.jpg&w=384`
              : `/api/products/${at}`,
      })),
    expected: { ...FOUND, accepted: 1, skipped: 60, anomalies: [] },
  },
  {
    name: 'clients that are none',
    requests: (fromMs, client) => requests(10, fromMs, client, (at) => (at < 2 ? { client: '-' } : {})),
    expected: { ...FOUND, accepted: 8, rejected: 2, anomalies: [] },
  },
]

/** The user agent is part of a session, so that only names differ where a format has no agent to tell. */
const withAgent = (list: readonly LoggedRequest[]): LoggedRequest[] => {
  const userAgent = HOSTILE_AGENTS[list.length % HOSTILE_AGENTS.length] ?? ''
  return list.map((request) => ({ ...request, userAgent }))
}

const STEP_MS = 240_000

/**
 * The inputs, one after the other in time, each of clients of its own, so that all can go through one topic.
 * @param fromMs a whole minute
 */
export function logInputs(fromMs: number): LogInput[] {
  const inputs: LogInput[] = []
  const place = () => {
    const at = inputs.length
    return { at, startMs: fromMs + at * STEP_MS, client: `10.${20 + Math.floor(at / 25)}.${at % 25}.10` }
  }
  for (const format of FUZZED_FORMATS)
    for (const kind of KINDS) {
      const { at, startMs, client } = place()
      const lines = withAgent(kind.requests(startMs, client)).map((request) => format.write(request))
      inputs.push({
        name: `${kind.name}, ${format.name}`,
        file: `input-${at}.log`,
        bytes: Buffer.from(`${lines.join('\n')}\n`),
        args: ['--format', format.format, '--max-rejected', '50'],
        ...kind.expected,
      })
    }
  for (const special of SPECIALS) {
    const { at, startMs, client } = place()
    const { bytes, ...expected } = special.make(startMs, client)
    inputs.push({
      ...FOUND,
      args: ['--max-rejected', '50'],
      anomalies: [],
      ...expected,
      name: special.name,
      file: `input-${at}.log`,
      bytes,
    })
  }
  return inputs
}

const combined = FUZZED_FORMATS.find(({ name }) => name === 'combined (nginx)') as FuzzedFormat
const burst = (fromMs: number, client: string, count = 60): string =>
  requests(count, fromMs, client, () => ({}))
    .map((request) => `${combined.write(request)}\n`)
    .join('')

type Special = Pick<LogInput, 'bytes' | 'accepted'> & Partial<LogInput>
const HIGH = { accepted: 60, anomalies: ['HIGH_FREQUENCY 60'] }

/** How bytes come, and what is asked of the reader. */
const SPECIALS: readonly { readonly name: string; readonly make: (fromMs: number, client: string) => Special }[] = [
  { name: 'a byte order mark', make: (ms, client) => ({ bytes: Buffer.from(`\ufeff${burst(ms, client)}`), ...HIGH }) },
  { name: 'UTF-16', make: (ms, client) => ({ bytes: Buffer.from(`\ufeff${burst(ms, client)}`, 'utf16le'), ...HIGH }) },
  { name: 'CRLF', make: (ms, client) => ({ bytes: Buffer.from(burst(ms, client).replaceAll('\n', '\r\n')), ...HIGH }) },
  {
    name: 'NUL bytes after a crash',
    make: (ms, client) => ({ bytes: Buffer.from(`\0\0\0\0${burst(ms, client)}\0\0\0\n`), ...HIGH, skipped: 1 }),
  },
  {
    name: 'two gzip members',
    make: (ms, client) => {
      const lines = burst(ms, client).split(/(?<=\n)/)
      return {
        bytes: Buffer.concat([lines.slice(0, 20), lines.slice(20)].map((part) => gzipSync(part.join('')))),
        ...HIGH,
      }
    },
  },
  {
    name: 'a half-written last line',
    make: (ms, client) => ({
      bytes: Buffer.from(burst(ms, client).slice(0, -30)),
      accepted: 59,
      skipped: 1,
      anomalies: ['HIGH_FREQUENCY 59'],
    }),
  },
  {
    name: 'a whole last line without a line end',
    make: (ms, client) => ({ bytes: Buffer.from(burst(ms, client).trimEnd()), ...HIGH }),
  },
  {
    name: 'a client behind a trusted proxy, with a forged X-Forwarded-For',
    make: (ms, client) => ({
      bytes: Buffer.from(
        burst(ms, '10.99.0.1')
          .trimEnd()
          .split('\n')
          .map((line, at) => `${line} "192.0.2.${at}, ${client}"\n`)
          .join(''),
      ),
      args: ['--format', 'combined', '--client-from', 'forwarded:1'],
      ...HIGH,
    }),
  },
  {
    name: 'requests without a path',
    make: (ms, client) => ({
      bytes: Buffer.from(burst(ms, client, 66).replaceAll(/GET \/item\/\d+/g, 'OPTIONS *')),
      accepted: 0,
      skipped: 66,
      sessions: 0,
    }),
  },
  {
    name: 'times in milliseconds, ISO 8601 and other zones',
    make: (ms, client) => {
      const iso = (at: number, zone: string, offsetMs: number) =>
        new Date(ms + at * 100 + offsetMs).toISOString().replace('Z', zone)
      const times = Array.from({ length: 60 }, (_, at) =>
        at % 2 === 0 ? iso(at, '+09:00', 32_400_000) : iso(at, 'Z', 0),
      )
      return {
        bytes: Buffer.from(times.map((time) => `${client} - - [${time}] "GET /p HTTP/1.1" 200 1 "-" "a"\n`).join('')),
        ...HIGH,
      }
    },
  },
  {
    name: 'a page view of an old log among lines of another format',
    make: (ms, client) => ({
      bytes: Buffer.from(`${burst(ms, client)}not a line\n{"level":"info"}\n`),
      ...HIGH,
      rejected: 2,
    }),
  },
]
