import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseAccessLogLine, type AccessLogEntry } from '../../../../cli/ingest/access-log-line.js'

const COMBINED =
  '203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET /a/b.html?x=1#y HTTP/1.1" 200 203023 "http://example.com/" "Mozilla/5.0 (X11)"'

function entryOf(line: string): AccessLogEntry {
  const parsed = parseAccessLogLine(line)
  assert.equal(parsed.kind, 'entry', line)
  return parsed.entry
}

const kindOf = (line: string): string => {
  const parsed = parseAccessLogLine(line)
  return parsed.kind === 'rejected' ? parsed.reason : parsed.kind
}

const withRequest = (request: string): string => `h - - [17/May/2015:10:05:03 +0000] "${request}" 200 1 "-" "a"`
const withTime = (time: string): string => `h - - [${time}] "GET / HTTP/1.1" 200 1 "-" "a"`

describe('parseAccessLogLine', () => {
  it('reads the combined format', () => {
    assert.deepEqual(entryOf(COMBINED), {
      address: '203.0.113.9',
      user: null,
      atMs: Date.UTC(2015, 4, 17, 10, 5, 3),
      path: '/a/b.html',
      pathWithQuery: '/a/b.html?x=1#y',
      referrer: 'http://example.com/',
      userAgent: 'Mozilla/5.0 (X11)',
    })
  })

  it('reads the common format, with a user, a zone, and no size', () => {
    const entry = entryOf('2001:db8::1 ident anna [01/Jan/2024:00:30:00 +0200] "POST /x HTTP/2.0" 304 -')
    assert.deepEqual(entry, {
      address: '2001:db8::1',
      user: 'anna',
      atMs: Date.UTC(2023, 11, 31, 22, 30),
      path: '/x',
      pathWithQuery: '/x',
      referrer: null,
      userAgent: null,
    })
  })

  it('leaves further fields alone, as in nginx main', () => {
    assert.equal(entryOf(`${COMBINED} "198.51.100.1" 0.003`).userAgent, 'Mozilla/5.0 (X11)')
  })

  it('reads quotes that the server escaped, and dashes as nothing', () => {
    const entry = entryOf(
      String.raw`h - - [17/May/2015:10:05:03 +0000] "GET /\"q\" HTTP/1.1" 200 1 "-" "a \"quoted\" \\ agent"`,
    )
    assert.equal(entry.path, String.raw`/\"q\"`)
    assert.equal(entry.referrer, null)
    assert.equal(entry.userAgent, String.raw`a \"quoted\" \\ agent`)
    assert.equal(entryOf(COMBINED.replace('"Mozilla/5.0 (X11)"', '"-"')).userAgent, null)
    assert.equal(entryOf(COMBINED.replace('"Mozilla/5.0 (X11)"', '""')).userAgent, null)
  })

  for (const [request, path] of [
    ['GET / HTTP/1.0', '/'],
    ['GET /a b c HTTP/1.1', '/a b c'],
    ['GET /old', '/old'],
    ['HEAD http://shop.example/x?y HTTP/1.1', '/x'],
    ['GET https://shop.example HTTP/1.1', '/'],
    ['GET HTTPS://shop.example?q HTTP/1.1', '/'],
    ['OPTIONS * HTTP/1.1', '*'],
    ['VERSION-CONTROL /x HTTP/1.1', '/x'],
    ['GET /?a HTTP/1.1', '/'],
  ] as const)
    it(`finds ${path} in ${request}`, () => {
      assert.equal(entryOf(withRequest(request)).path, path)
    })

  for (const request of ['-', '', String.raw`\x16\x03\x01`, 'GET', 'GET  HTTP/1.1', 'hello'])
    it(`finds no request in "${request}"`, () => {
      assert.equal(kindOf(withRequest(request)), 'no_request')
    })

  for (const time of [
    '31/Feb/2015:10:05:03 +0000',
    '17/Mai/2015:10:05:03 +0000',
    '17/May/2015:24:05:03 +0000',
    '17/May/2015:10:60:03 +0000',
    '17/May/2015:10:05:61 +0000',
    '17/May/1999:10:05:03 +0000',
    '17/May/2015:10:05:03',
    '2015-05-17T10:05:03Z',
  ])
    it(`refuses the time ${time}`, () => {
      assert.equal(kindOf(withTime(time)), 'bad_time')
    })

  it('takes a leap second', () => {
    assert.equal(entryOf(withTime('31/Dec/2016:23:59:60 +0000')).atMs, Date.UTC(2016, 11, 31, 23, 59, 59))
  })

  for (const line of [
    'hello',
    '{"json": true}',
    COMBINED.slice(0, -1),
    COMBINED.replace(' 200 ', ' abc '),
    COMBINED.replace('- - [', '['),
    COMBINED.replace('"http://example.com/" ', ''),
    `${COMBINED}x`,
    '[17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
  ])
    it(`refuses ${line.slice(0, 40)}…${line.slice(-20)}`, () => {
      const reason = kindOf(line)
      // Without a referrer, the agent stands in its place and nothing follows: not whole either.
      assert.equal(reason, 'not_an_access_log_line')
    })

  it('tells blank and binary lines', () => {
    assert.equal(kindOf('  \t'), 'blank')
    assert.equal(kindOf(COMBINED.replace('Mozilla', 'Moz\u0000illa')), 'binary')
    assert.equal(kindOf(COMBINED.replace('Mozilla', 'Moz\u001b[31m')), 'binary')
  })

  it('answers any text, in a time that grows with its length and no faster', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (line) => void parseAccessLogLine(line)),
      { numRuns: 2_000 },
    )
    const noise = fc.constantFrom(' ', '"', '[', ']', '\\', '-', 'GET ', ' HTTP/', '] "', ' [', '200', '?', '#')
    fc.assert(fc.property(fc.array(noise, { maxLength: 200 }), (parts) => void parseAccessLogLine(parts.join(''))))
    const linesWith = (long: string) => [
      long,
      COMBINED.replace('/a/b', long),
      COMBINED.replace('203', long),
      COMBINED + long,
    ]
    const quickest = (work: () => void) => {
      const times = Array.from({ length: 5 }, () => {
        const startedAt = performance.now()
        work()
        return performance.now() - startedAt
      })
      return Math.min(...times)
    }
    for (const part of [' ', '"', ' [', '] "', '\\', 'a ', '?', '#', 'GET ', ' HTTP/']) {
      const long = linesWith(part.repeat(65_000 / part.length))
      const short = linesWith(part.repeat(6_500 / part.length))
      const measure = () => ({
        one: quickest(() => long.forEach((line) => parseAccessLogLine(line))),
        ten: quickest(() => {
          for (let round = 0; round < 10; round++) short.forEach((line) => parseAccessLogLine(line))
        }),
      })
      // The same characters in one line and in ten: about the same when time grows with length, ten times as long with its
      // square. A square is one every time; what else runs on the machine is not.
      const tries = Array.from({ length: 4 }, measure)
      assert.ok(
        tries.some(({ one, ten }) => one < 5 * ten + 1),
        `${JSON.stringify(part)}: ${JSON.stringify(tries)} ms in one line and in ten`,
      )
    }
  })
})
