import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ClientFrom } from '../../../../domain/client/client-from.js'
import { detectFormat } from '../../../../domain/web-log/detect-format.js'
import type { LogEntry, ParsedLine } from '../../../../domain/web-log/log-entry.js'
import { LOG_FORMATS, logFormat } from '../../../../domain/web-log/log-format.js'
import { createTimeReader, UTC } from '../../../../domain/web-log/log-time.js'

const TEN = Date.UTC(2026, 9, 6, 10)
const PEER: ClientFrom = { kind: 'peer' }
const options = (clientFrom: ClientFrom = PEER) => ({ clientFrom, readTime: createTimeReader(UTC) })
const parserOf = (format: string, clientFrom?: ClientFrom) => logFormat(format).createParser(options(clientFrom))

function entryOf(format: string, line: string, clientFrom?: ClientFrom): LogEntry {
  const parsed = parserOf(format, clientFrom)(line)
  assert.equal(parsed.kind, 'entry', `${JSON.stringify(parsed)} ${line}`)
  return parsed
}

const outcomeOf = (parsed: ParsedLine): string => (parsed.kind === 'entry' ? 'entry' : parsed.reason)
const outcome = (format: string, line: string): string => outcomeOf(parserOf(format)(line))

const COMBINED =
  '203.0.113.9 - - [06/Oct/2026:10:00:00 +0000] "GET /a/b.html?x=1#y HTTP/1.1" 200 203023 "http://example.com/" "Mozilla/5.0 (X11)"'

/** One line of each format, as the servers' documentation has them; all say the same request. */
const EXAMPLES: Readonly<Record<string, string>> = {
  common: '198.51.100.7 - anna [06/Oct/2026:10:00:00 +0000] "GET /item/42?x=1 HTTP/1.1" 200 512',
  combined:
    '198.51.100.7 - anna [06/Oct/2026:10:00:00 +0000] "GET /item/42?x=1 HTTP/1.1" 200 512 "https://r.example/" "Agent/1.0"',
  vhost_combined:
    'shop.example:443 198.51.100.7 - anna [06/Oct/2026:10:00:00 +0000] "GET /item/42?x=1 HTTP/1.1" 200 512 "https://r.example/" "Agent/1.0"',
  caddy:
    '{"level":"info","ts":1791280800.0,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"198.51.100.7","remote_port":"41342","client_ip":"198.51.100.7","proto":"HTTP/2.0","method":"GET","host":"shop.example","uri":"/item/42?x=1","headers":{"User-Agent":["Agent/1.0"],"Referer":["https://r.example/"]}},"bytes_read":0,"user_id":"anna","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"]}}',
  traefik:
    '{"ClientAddr":"198.51.100.7:53264","ClientHost":"198.51.100.7","ClientPort":"53264","ClientUsername":"anna","DownstreamContentSize":512,"DownstreamStatus":200,"Duration":65193,"RequestAddr":"shop.example","RequestMethod":"GET","RequestPath":"/item/42?x=1","RequestProtocol":"HTTP/1.1","StartUTC":"2026-10-06T10:00:00Z","level":"info","msg":"","request_User-Agent":"Agent/1.0","request_Referer":"https://r.example/","time":"2026-10-06T10:00:00Z"}',
  'nginx-json':
    '{"time_iso8601":"2026-10-06T10:00:00+00:00","remote_addr":"198.51.100.7","remote_user":"anna","request":"GET /item/42?x=1 HTTP/1.1","status":"200","http_referer":"https://r.example/","http_user_agent":"Agent/1.0"}',
  iis: '2026-10-06 10:00:00 192.0.2.1 GET /item/42 x=1 443 anna 198.51.100.7 Agent/1.0 https://r.example/ 200 0 0 15',
  cloudfront:
    '2026-10-06\t10:00:00\tFRA56-P1\t512\t198.51.100.7\tGET\td111.cloudfront.net\t/item/42\t200\thttps://r.example/\tAgent/1.0\tx=1\t-\tHit\tid==\tshop.example\thttps\t23\t0.001\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.001\tHit\ttext/html\t512\t-\t-',
  alb: 'https 2026-10-06T10:00:00.000000Z app/lb/50dc6c495c0c9188 198.51.100.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://shop.example:443/item/42?x=1 HTTP/1.1" "Agent/1.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/t/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "shop.example" "arn:aws:acm:us-east-2:123456789012:certificate/12345678" 1 2026-10-06T10:00:00.000000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"',
}

describe('log formats', () => {
  for (const format of LOG_FORMATS)
    it(`reads ${format}`, () => {
      const { client, address, atMs, path, query, method, status, user, userAgent, referrer } = entryOf(
        format,
        EXAMPLES[format] ?? '',
      )
      assert.deepEqual(
        { client, address, atMs, path, query, method, status },
        {
          client: '198.51.100.7',
          address: '198.51.100.7',
          atMs: TEN,
          path: '/item/42',
          query: 'x=1',
          method: 'GET',
          status: 200,
        },
      )
      assert.equal(user, format === 'alb' || format === 'cloudfront' ? null : 'anna')
      assert.equal(userAgent, format === 'common' ? null : 'Agent/1.0')
      assert.equal(referrer, format === 'common' || format === 'alb' ? null : 'https://r.example/')
    })

  for (const format of LOG_FORMATS)
    it(`detects ${format}`, () => {
      const lines = [EXAMPLES[format] ?? '', '', EXAMPLES[format] ?? '']
      assert.deepEqual(detectFormat(lines, options()), { name: format, confidence: 1, lines: 2 })
    })

  it('is not sure of a format that fits only some lines, and knows none that fits no line', () => {
    const fit = detectFormat([COMBINED, 'hello', COMBINED, 'world'], options())
    assert.deepEqual(fit, { name: 'combined', confidence: 0.5, lines: 4 })
    assert.equal(detectFormat(['hello', 'a b c d e f', '{"level":"info"}'], options()), undefined)
    assert.equal(detectFormat([], options()), undefined)
  })

  it('tells a virtual host from a client, with its port and without', () => {
    for (const host of ['shop.example:443', 'shop.example', '[2001:db8::1]:80', '192.0.2.9:8080'])
      assert.equal(detectFormat([`${host} ${COMBINED}`], options())?.name, 'vhost_combined', host)
  })

  it('reads the directives of W3C logs, also when they change', () => {
    const parse = parserOf('iis')
    assert.equal(outcomeOf(parse('#Software: Microsoft Internet Information Services 10.0')), 'directive')
    assert.equal(
      outcomeOf(parse('#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(User-Agent)')),
      'directive',
    )
    const entry = parse('2026-10-06 10:00:00 2001:db8::7 POST /a 302 Mozilla/5.0+(Windows+NT)')
    assert.ok(entry.kind === 'entry')
    assert.deepEqual([entry.client, entry.userAgent, entry.status], ['2001:db8::7', 'Mozilla/5.0 (Windows NT)', 302])
    assert.equal(outcomeOf(parse('#Fields: time c-ip cs-uri-stem')), 'directive')
    assert.equal(outcomeOf(parse('10:00:00 198.51.100.7 /a')), 'bad_time')
    assert.equal(
      entryOf('cloudfront', (EXAMPLES['cloudfront'] ?? '').replace('Agent/1.0', 'Mozilla/5.0%2520(X11;%20Linux)'))
        .userAgent,
      'Mozilla/5.0 (X11; Linux)',
    )
  })

  it('reads formats that are given as text, in the words of nginx and Apache', () => {
    const formats: readonly (readonly [string, string])[] = [
      ['$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent', EXAMPLES['common'] ?? ''],
      ['%h %l %u %t "%r" %>s %b', EXAMPLES['common'] ?? ''],
      [
        'LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined',
        EXAMPLES['combined'] ?? '',
      ],
      [
        `log_format main escape=default '$remote_addr - $remote_user [$time_local] "$request" '\n  '$status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"';`,
        `${EXAMPLES['combined'] ?? ''} "-"`,
      ],
      [
        '$time_iso8601|$remote_addr|$request_method|$request_uri|$status|$http_user_agent',
        '2026-10-06T10:00:00Z|198.51.100.7|GET|/item/42?x=1|200|A|B|',
      ],
      ['$msec $remote_addr "$request" $status', '1791280800.000 198.51.100.7 "GET /item/42?x=1 HTTP/1.1" 200'],
      [
        '%{%Y-%m-%d %H:%M:%S}t.%{msec_frac}t %a %m %U%q %s',
        '2026-10-06 10:00:00.000 198.51.100.7 GET /item/42?x=1 200',
      ],
      [
        '[%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t] %{c}a "%r" %<s',
        '[06/Oct/2026:10:00:00.000 +0000] 198.51.100.7 "GET /item/42?x=1 HTTP/1.1" 200',
      ],
      [
        '{"t": "$time_iso8601", "ip": "$remote_addr", "r": "$request", "s": $status}',
        '{"t": "2026-10-06T10:00:00Z", "ip": "198.51.100.7", "r": "GET /item/42?x=1 HTTP/1.1", "s": 200}',
      ],
      [
        '${remote_addr}\\t%'.replace('\\t%', ' $time_iso8601 $request_method "$uri" $args'),
        '198.51.100.7 2026-10-06T10:00:00Z GET "/item/42" x=1',
      ],
    ]
    for (const [format, line] of formats) {
      const { client, atMs, path, query } = entryOf(format, line)
      assert.deepEqual(
        { client, atMs, path, query },
        { client: '198.51.100.7', atMs: TEN, path: '/item/42', query: 'x=1' },
        format,
      )
    }
  })

  it('says what is wrong with a format', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['combinde', /is no log format: common, combined/],
      ['$remote_addr $request', /no field for the time/],
      ['%t "%r"', /no field for the client/],
      ['%h %t', /no field for the request/],
      ['$remote_addr$time_local "$request"', /nothing separates the fields remote_addr and time_local/],
      [`$remote_addr ${'x'.repeat(9_000)}`, /longer than/],
    ]
    for (const [format, message] of wrong) assert.throws(() => logFormat(format), message)
  })

  it('finds the client where it is told to', () => {
    const behind = `${COMBINED.replace('203.0.113.9', '10.0.0.1')} "10.9.9.9, 198.51.100.7"`
    assert.equal(entryOf('combined', behind, { kind: 'forwarded', hops: 1 }).client, '198.51.100.7')
    assert.equal(entryOf('combined', behind).client, '10.0.0.1')
    const format = '$remote_addr [$time_local] "$request" $status "$http_cf_connecting_ip"'
    const line = '10.0.0.1 [06/Oct/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 "2001:DB8::7"'
    for (const name of ['http_cf_connecting_ip', 'CF-Connecting-IP'])
      assert.equal(entryOf(format, line, { kind: 'field', name }).client, '2001:db8::7')
    const caddy = (EXAMPLES['caddy'] ?? '').replace('"client_ip":"198.51.100.7"', '"client_ip":"203.0.113.99"')
    assert.equal(entryOf('caddy', caddy, { kind: 'field', name: 'client_ip' }).client, '203.0.113.99')
    assert.equal(
      entryOf('combined', COMBINED.replace('203.0.113.9', 'Crawl-66.Example.COM')).client,
      'crawl-66.example.com',
    )
    assert.equal(outcome('combined', COMBINED.replace('203.0.113.9', 'unix:')), 'no_client')
    assert.equal(outcome('combined', COMBINED.replace('203.0.113.9', '-')), 'no_client')
  })

  it('ends a text of the client where the server says, whatever it holds', () => {
    const users = [
      'a [b',
      'x [06/Oct/2026:10:00:00 +0000] y',
      '[',
      ' - - [',
      'a \\" b',
      '"',
      '[06/Oct/2026:10:00:00 +0000] \\"GET / HTTP/1.1\\" 200',
      '\u0001\u001b[31m',
      'ü€😀',
      'x'.repeat(5_000),
    ]
    for (const user of users) {
      const entry = entryOf('combined', COMBINED.replace(' - - [', ` - ${user} [`))
      assert.deepEqual([entry.client, entry.path, entry.atMs], ['203.0.113.9', '/a/b.html', TEN], user)
    }
    for (const agent of ['', '"', '\\', 'a"b', 'cut off', '" "', '\u0000\u0007', '" 200 5 "', 'x'.repeat(100_000)])
      assert.equal(entryOf('combined', COMBINED.replace('Mozilla/5.0 (X11)', agent)).path, '/a/b.html', agent)
    assert.equal(entryOf('combined', COMBINED.slice(0, -12)).path, '/a/b.html')
    assert.equal(
      entryOf('combined', COMBINED.replace('Mozilla', 'Moz\u0000\u001billa')).userAgent,
      String.raw`Moz\x00\x1billa/5.0 (X11)`,
    )
  })

  it('repairs JSON in which the server escaped for another format', () => {
    const line = (agent: string) => (EXAMPLES['nginx-json'] ?? '').replace('Agent/1.0', agent)
    assert.equal(entryOf('nginx-json', line(String.raw`a\x22b\xC3`)).userAgent, 'a"b\u00c3')
    assert.equal(entryOf('nginx-json', line('tab\there')).userAgent, String.raw`tab\x09here`)
    assert.equal(entryOf('nginx-json', line(String.raw`back\slash`)).userAgent, String.raw`back\slash`)
    assert.equal(outcome('nginx-json', '{"level":"info","msg":"started"}'), 'bad_time')
    assert.equal(outcome('caddy', '{"level":"info","msg":"started"}'), 'not_an_access_record')
    assert.equal(outcome('caddy', 'plain text'), 'not_this_format')
    assert.equal(entryOf('caddy', `2026-10-06T10:00:00Z stdout F ${EXAMPLES['caddy'] ?? ''}`).path, '/item/42')
  })

  const withRequest = (request: string): string => COMBINED.replace('GET /a/b.html?x=1#y HTTP/1.1', request)
  for (const [request, path] of [
    ['GET / HTTP/1.0', '/'],
    ['GET /a b c HTTP/1.1', '/a b c'],
    ['GET /old', '/old'],
    ['HEAD http://shop.example/x?y HTTP/1.1', '/x'],
    ['GET https://shop.example HTTP/1.1', '/'],
    ['GET HTTPS://shop.example?q HTTP/1.1', '/'],
    ['VERSION-CONTROL /x HTTP/1.1', '/x'],
    ['GET /?a HTTP/1.1', '/'],
    ['get relative HTTP/1.1', '/relative'],
    ['GET /a"b HTTP/1.1', '/a"b'],
  ] as const)
    it(`finds ${path} in ${request}`, () => {
      assert.equal(entryOf('combined', withRequest(request)).path, path)
    })

  it('skips requests without a path, and what is no request', () => {
    for (const request of [
      'OPTIONS * HTTP/1.1',
      'PRI * HTTP/2.0',
      'CONNECT shop.example:443 HTTP/1.1',
      'CONNECT [::1]:443 HTTP/1.1',
    ])
      assert.equal(outcome('combined', withRequest(request)), request.includes('[') ? 'entry' : 'no_path', request)
    for (const request of ['-', '', String.raw`\x16\x03\x01`, 'GET', 'GET  HTTP/1.1', 'hello'])
      assert.equal(outcome('combined', withRequest(request)), 'no_request', request)
  })

  it('answers any text, in a time that grows with its length and no faster', () => {
    const parsers = LOG_FORMATS.map((format) => parserOf(format))
    const noise = fc.constantFrom(
      ' ',
      '"',
      '[',
      ']',
      '\\',
      '-',
      'GET ',
      ' HTTP/',
      '] "',
      ' [',
      '200',
      '{',
      '}',
      ':',
      ',',
      '\t',
      '#Fields: ',
    )
    fc.assert(
      fc.property(
        fc.array(fc.oneof(noise, fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 100 }),
        (parts) => {
          for (const parse of parsers) parse(parts.join(''))
        },
      ),
      { numRuns: 1_000 },
    )
    const parse = parserOf('combined')
    for (const part of [
      ' ',
      '"',
      ' [',
      '] "',
      '\\',
      'a ',
      '?',
      '#',
      'GET ',
      ' HTTP/',
      '[06/Oct/2026:10:00:00 +0000] ',
    ]) {
      const linesWith = (long: string) => [
        long,
        COMBINED.replace('/a/b', long),
        COMBINED.replace(' - - ', ` - ${long} `),
        COMBINED + long,
      ]
      const timeOf = (lines: readonly string[], rounds: number): number => {
        const startedAt = performance.now()
        for (let round = 0; round < rounds; round++) for (const line of lines) parse(line)
        return performance.now() - startedAt
      }
      const long = linesWith(part.repeat(65_000 / part.length))
      const short = linesWith(part.repeat(6_500 / part.length))
      // The same characters in one line and in ten: a square would take ten times as long, every time.
      const tries = Array.from({ length: 4 }, () => ({ one: timeOf(long, 1), ten: timeOf(short, 10) }))
      assert.ok(
        tries.some(({ one, ten }) => one < 5 * ten + 1),
        `${JSON.stringify(part)}: ${JSON.stringify(tries)} ms`,
      )
    }
  })
})
