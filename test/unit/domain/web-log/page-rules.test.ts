import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PAGE_PRESET_NAMES, rulesOfPresets } from '../../../../domain/web-log/page-presets.js'
import {
  PageRules,
  REQUEST_CLASSES,
  RULE_MATCHES,
  type PageRule,
  type RequestClass,
} from '../../../../domain/web-log/page-rules.js'
import { MAX_CUSTOM_RULES, parsePagePresets, parsePageRules } from '../../../../domain/web-log/parse-page-rules.js'
import { propertyRuns, propertyTimeoutMs } from '../property-runs.js'

const classOf = (rules: PageRules, target: string, method = 'GET', status?: number): RequestClass => {
  const [path = '', query] = target.split('?', 2)
  return rules.classOf(method, path, query ?? null, status)
}

/** The meaning of a rule, as its documentation has it, without any index. */
function matches({ match, value }: PageRule, path: string, query: string | null): boolean {
  const last = path.slice(path.lastIndexOf('/') + 1).replace(/;.*$/, '')
  const cut = path.slice(0, path.lastIndexOf('/') + 1) + last
  switch (match) {
    case 'prefix':
      return path.startsWith(value)
    case 'suffix':
      return cut.endsWith(value)
    case 'contains':
      return path.includes(value)
    case 'segment':
      return ['/', ';'].some((end) => `${path}/`.includes(`/${value}${end}`))
    case 'extension':
      return last.includes('.') && last.split('.').at(-1)?.toLowerCase() === value.toLowerCase()
    case 'query-parameter': {
      const parameters = (query ?? '').split('&')
      return parameters.some((text) => text === value || (!value.includes('=') && text.startsWith(`${value}=`)))
    }
  }
}

describe('PageRules', () => {
  const byDefault = new PageRules(rulesOfPresets(['default']))

  const expected: readonly (readonly [RequestClass, readonly string[]])[] = [
    [
      'page',
      [
        '/',
        '',
        '/item/42',
        '/category/shoes?page=2',
        '/index.html',
        '/product.php?id=42',
        '/robots.txt',
        '/a.b/c',
        '/x.',
      ],
    ],
    [
      'page',
      ['/apis/list', '/docs/api/cart', '/style.cssx', '/v1.2', '/item/css', '/_nextdoor', '/p?x=_rsc', '/p?a_rsc=1'],
    ],
    ['asset', ['/app.js', '/app.js;v=3', '/A.CSS?v=1', '/img/a.b.WEBP', '/_next/image?url=%2Fp%2F0.jpg&w=384&q=75']],
    [
      'asset',
      ['/shop/_next/static/chunks/main-8f2', '/tiles/14/8500/5400.pbf', '/_ipx/w_200/x', '/cdn-cgi/image/w=80/x'],
    ],
    ['asset', ['/site.webmanifest', '/fonts/a.woff2', '/wp-content/uploads/manual']],
    [
      'api',
      ['/_next/data/b1/p/0.json', '/item/42?_rsc=1x2y', '/item/42?a=1&_rsc', '/api/cart', '/graphql', '/wp-json/wc'],
    ],
    [
      'api',
      ['/item/42/__data.json', '/products.json', '/?wc-ajax=get_refreshed_fragments', '/item/42.data', '/m.geojson'],
    ],
  ]
  for (const [as, targets] of expected)
    for (const target of targets) it(`takes ${target} for ${as}`, () => assert.equal(classOf(byDefault, target), as))

  it('takes requests by other methods, and WebSockets, for API calls', () => {
    for (const method of ['OPTIONS', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'get', ''])
      assert.equal(classOf(byDefault, '/item/42', method), 'api')
    for (const method of ['GET', 'HEAD', 'POST']) assert.equal(classOf(byDefault, '/item/42', method, 404), 'page')
    assert.equal(classOf(byDefault, '/live', 'GET', 101), 'api')
  })

  it('lets the first rule that matches decide', () => {
    const rules: PageRule[] = [
      { match: 'prefix', value: '/feeds/', class: 'page' },
      { match: 'suffix', value: '.pdf', class: 'asset' },
      { match: 'contains', value: 'preview', class: 'api' },
    ]
    const custom = new PageRules([...rules, ...rulesOfPresets(['default'])])
    assert.equal(classOf(custom, '/feeds/all.json'), 'page')
    assert.equal(classOf(custom, '/preview/manual.pdf'), 'asset')
    assert.equal(classOf(custom, '/x/preview/42'), 'api')
    assert.equal(classOf(custom, '/x/all.json'), 'api')
    assert.equal(classOf(new PageRules([]), '/app.js'), 'page')
  })

  it('agrees with the meaning of the rules, whatever they are', () => {
    const anyText = fc.array(fc.constantFrom('a', 'b', 'Js', 'json', 'x1', '_d', 'longname'), {
      minLength: 1,
      maxLength: 2,
    })
    const anyRule = fc
      .tuple(fc.constantFrom(...RULE_MATCHES), anyText, fc.constantFrom(...REQUEST_CLASSES))
      .map(([match, texts, as]): PageRule => {
        const text = texts.join(match === 'segment' ? '/' : match === 'query-parameter' ? '=' : '')
        const value =
          match === 'prefix' || (match === 'contains' && texts.length > 1)
            ? `/${text}`
            : match === 'extension'
              ? text.replaceAll('_', '')
              : text
        return { match, value, class: as }
      })
    const anyPath = fc
      .array(fc.constantFrom('/', '/', 'a', 'b', '.Js', '.json', '.jS', 'x1', '_d', ';', '.longname', 'é', '/json'), {
        maxLength: 10,
      })
      .map((pieces) => `/${pieces.join('')}`)
    const anyQuery = fc.option(
      fc
        .array(fc.constantFrom('a', '=', '&', 'b', 'x1', '_d', 'json'), { maxLength: 8 })
        .map((pieces) => pieces.join('')),
    )
    const anyRules = fc.array(anyRule, { maxLength: 12 })
    fc.assert(
      fc.property(anyRules, anyPath, anyQuery, (rules, path, query) => {
        const first = rules.find((rule) => matches(rule, path, query))
        assert.equal(new PageRules(rules).classOf('GET', path, query), first?.class ?? 'page')
      }),
      { numRuns: propertyRuns * 5 },
    )
  }).timeout(propertyTimeoutMs)

  it('gives any text a class', () => {
    const all = new PageRules(rulesOfPresets(PAGE_PRESET_NAMES))
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.option(fc.string({ unit: 'binary' })), (path, query) =>
        assert.ok(REQUEST_CLASSES.includes(all.classOf('GET', path, query))),
      ),
      { numRuns: propertyRuns },
    )
  }).timeout(propertyTimeoutMs)
})

describe('rules that somebody wrote', () => {
  const good = { match: 'prefix', value: '/preview/', class: 'asset' }

  it('are taken as they are', () => {
    const rules = [good, { match: 'query-parameter', value: 'a=b', class: 'api' }]
    assert.deepEqual(parsePageRules(rules), { kind: 'ok', value: rules })
    assert.deepEqual(parsePageRules([]), { kind: 'ok', value: [] })
  })

  const bad: readonly (readonly [unknown, RegExp])[] = [
    [good, /not a list/],
    [null, /not a list/],
    [[good, 'x'], /^rule 2: is not an object/],
    [[{ ...good, match: 'regex' }], /^rule 1: match is one of prefix, .*; it is "regex"/],
    [[{ value: '/a', class: 'page' }], /match is one of .*; it is missing/],
    [[{ ...good, class: 'pages' }], /class is one of page, asset, api; it is "pages"/],
    [[{ ...good, value: '' }], /value is a text/],
    [[{ ...good, value: 7 }], /value is a text; it is 7/],
    [[{ ...good, value: 'preview/' }], /prefix begins with \//],
    [[{ ...good, value: '/' }], /prefix begins with \//],
    [[{ ...good, value: '/é' }], /percent-encoded/],
    [[{ ...good, value: '/a b' }], /percent-encoded/],
    [[{ ...good, match: 'extension', value: '.png' }], /without the dot/],
    [[{ ...good, match: 'segment' }], /without \/ at its ends/],
    [[{ ...good, match: 'contains', value: 'a' }], /at least 2 characters/],
    [[{ ...good, match: 'query-parameter', value: '?a' }], /a name, or name=value/],
    [[{ ...good, value: `/${'a'.repeat(200)}` }], /201 characters; at most 200/],
    [[{ ...good, clas: 'page' }], /a key "clas"/],
    [Array.from({ length: MAX_CUSTOM_RULES + 1 }, () => good), /201 rules are more than 200/],
  ]
  for (const [json, problem] of bad)
    it(`are refused: ${problem.source}`, () => {
      const parsed = parsePageRules(json)
      assert.ok(parsed.kind === 'invalid')
      assert.match(parsed.problems.join('\n'), problem)
    })

  it('name presets with commas, each of which there is', () => {
    assert.deepEqual(parsePagePresets('next, tiles'), { kind: 'ok', value: ['next', 'tiles'] })
    const parsed = parsePagePresets('next,toString')
    assert.ok(parsed.kind === 'invalid')
    assert.match(parsed.problems.join(), /no preset "toString"; there are default, next, /)
  })

  it('are what presets consist of', () => {
    for (const name of PAGE_PRESET_NAMES) assert.equal(parsePageRules(rulesOfPresets([name])).kind, 'ok', name)
  })
})
