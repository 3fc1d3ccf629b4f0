import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MAX_ITEM_ID_LENGTH } from '../../../../domain/events/event-fault.js'
import {
  CANONICAL_ITEM_DEFAULTS,
  canonicalItem,
  type CanonicalItemOptions,
} from '../../../../domain/web-log/canonical-item.js'
import { propertyRuns, propertyTimeoutMs } from '../property-runs.js'

const withOptions = (options: Partial<CanonicalItemOptions>): CanonicalItemOptions => ({
  ...CANONICAL_ITEM_DEFAULTS,
  ...options,
})

const anyOptions: fc.Arbitrary<CanonicalItemOptions> = fc.record({
  case: fc.constantFrom<CanonicalItemOptions['case'][]>('keep', 'fold'),
  trailingSlash: fc.constantFrom<CanonicalItemOptions['trailingSlash'][]>('keep', 'strip'),
  query: fc.constantFrom<CanonicalItemOptions['query'][]>('drop', 'keep', ['id', 'Q'], []),
})

/** Pieces of targets in which the parts of the algorithm meet. */
const anyTarget = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        ...[
          '/',
          '/',
          '.',
          '..',
          '%',
          '%2',
          '%2e',
          '%2E',
          '%2f',
          '%34',
          '%zz',
          '%00',
          '%c3',
          '%C3%a9',
          '%25',
          '%3B',
          '%3b',
        ],
        ...[
          ';',
          '=',
          '&',
          '?',
          '#',
          '(',
          ')',
          '(S(a1))',
          '(s(a1))',
          'sid=',
          'sid',
          'jsessionid=',
          'PHPSESSID=',
          'id=',
          'Q=',
        ],
        ...[
          'a',
          'B',
          '42',
          'é',
          '😀',
          '\ud800',
          '\u0000',
          ' ',
          '"',
          '\\',
          '|',
          ':',
          '@',
          '~',
          'http://shop.example',
          'x',
        ],
      ),
      { maxLength: 24 },
    )
    .map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.webPath(),
)

/** The algorithm of RFC 3986 § 5.2.4, step by step. */
function removeDotSegments(path: string): string {
  let input = path
  let output = ''
  while (input !== '') {
    if (input.startsWith('../')) input = input.slice(3)
    else if (input.startsWith('./')) input = input.slice(2)
    else if (input.startsWith('/./')) input = input.slice(2)
    else if (input === '/.') input = '/'
    else if (input.startsWith('/../') || input === '/..') {
      input = input === '/..' ? '/' : input.slice(3)
      output = output.slice(0, Math.max(0, output.lastIndexOf('/')))
    } else if (input === '.' || input === '..') input = ''
    else {
      const next = input.indexOf('/', 1)
      output += next < 0 ? input : input.slice(0, next)
      input = next < 0 ? '' : input.slice(next)
    }
  }
  return output
}

describe('canonicalItem', () => {
  const spellings: readonly (readonly [string, string])[] = [
    ['/item/42', '/item/42'],
    ['/', '/'],
    ['', '/'],
    ['/item/%34%32', '/item/42'],
    ['/item/%7Euser', '/item/~user'],
    ['/item/caf%c3%a9', '/item/caf%C3%A9'],
    ['/item/café', '/item/caf%C3%A9'],
    ['//item///42', '/item/42'],
    ['/item/./42', '/item/42'],
    ['/a/../item/42', '/item/42'],
    ['/a/%2e%2E/item/42', '/item/42'],
    ['/../../item/42', '/item/42'],
    ['/item/42/', '/item/42'],
    ['/item/42/.', '/item/42'],
    ['/item/42?utm_source=x', '/item/42'],
    ['/item/42#reviews', '/item/42'],
    ['http://shop.example/item/42', '/item/42'],
    ['HTTPS://shop.example:8443', '/'],
    ['/item/a%2Fb', '/item/a%2Fb'],
    ['/item/a%2fb', '/item/a%2Fb'],
    ['/item/a+b', '/item/a+b'],
    ['/item/a%2Bb', '/item/a%2Bb'],
    ['/item/a b', '/item/a%20b'],
    ['/item/100%', '/item/100%25'],
    ['/item/%zz', '/item/%25zz'],
    ['/item/%3%34', '/item/%2534'],
    ['/item/%c3', '/item/%C3'],
    ['/item/%00', '/item/%00'],
    ['/item/\u0000', '/item/%00'],
    ['/item/\ud800', '/item/%EF%BF%BD'],
    ['/item/😀', '/item/%F0%9F%98%80'],
  ]
  for (const [target, expected] of spellings)
    it(`reads ${JSON.stringify(target)} as ${expected}`, () => assert.equal(canonicalItem(target), expected))

  const sessions = [
    '/item/42;jsessionid=6',
    '/item/42;JSESSIONID=A1.node1',
    '/item/42%3Bjsessionid=6',
    '/item/42;%6Asessionid=6',
    '/item;sid=1/42',
    '/item/42;PHPSESSID=abc',
    '/item/42;',
    '/item/42/;jsessionid=6',
    '/item/42/..;sid=1/42',
    '/(S(lit3py55t21z5v55vlm25s55))/item/42',
    '/(X(1)A(abc-_)S(lit3py55))/item/42',
    '/PHPSESSID=abc/item/42',
    '/item/42?jsessionid=6',
    '/item/42;CFID=1;CFTOKEN=2',
    '/item/42;ASPSESSIONIDQACBCDRT=KJ',
  ]
  for (const target of sessions)
    it(`removes the session of ${target}`, () => assert.equal(canonicalItem(target), '/item/42'))

  it('sees one item in the spellings that evade rules', () => {
    const asked = ['/item/42', '/item/%34%32', '/item/42/', '//item/42', '/item/./42', '/item/42;jsessionid=6']
    assert.deepEqual([...new Set(asked.map((target) => canonicalItem(target)))], ['/item/42'])
  })

  const others = [
    '/sid',
    '/item/42;color=red',
    '/(sale)',
    '/item/(s(1))',
    '/item/42%3Bcolor=red',
    '/(S(1))x',
    '/side=1',
  ]
  for (const target of others) it(`leaves ${target} alone`, () => assert.equal(canonicalItem(target), target))

  it('keeps the slash at the end, or folds case, if asked to', () => {
    assert.equal(canonicalItem('/item//42/', withOptions({ trailingSlash: 'keep' })), '/item/42/')
    assert.equal(canonicalItem('/item/42/x/..', withOptions({ trailingSlash: 'keep' })), '/item/42/')
    assert.equal(canonicalItem('//', withOptions({ trailingSlash: 'keep' })), '/')
    assert.equal(canonicalItem('/ITEM/42'), '/ITEM/42')
    assert.equal(canonicalItem('/ITEM/Caf%c3%a9', withOptions({ case: 'fold' })), '/item/caf%C3%A9')
  })

  it('takes the query in, without sessions, or only the parameters that name the item', () => {
    const target = '/index.php?PHPSESSID=1&route=p%72oduct&product_id=42&ASPSESSIONIDAB=2&cftoken=3&&x=a?b'
    assert.equal(canonicalItem(target, withOptions({ query: 'keep' })), '/index.php?route=product&product_id=42&x=a?b')
    assert.equal(canonicalItem(target, withOptions({ query: ['product_id'] })), '/index.php?product_id=42')
    const options = withOptions({ query: ['route', 'product_id'] })
    assert.equal(canonicalItem('/?product_id=4&route=a', options), canonicalItem('/?route=a&product_id=4', options))
    assert.equal(canonicalItem('/?sid=1', withOptions({ query: 'keep' })), '/')
    assert.equal(canonicalItem('/?ID=1', withOptions({ query: ['Id'], case: 'fold' })), '/?id=1')
  })

  it('cuts long items and keeps them apart', () => {
    const long = `/${'a%C3%A9'.repeat(9_000)}`
    const item = canonicalItem(long)
    assert.ok(item.length <= MAX_ITEM_ID_LENGTH && item.length > MAX_ITEM_ID_LENGTH - 4)
    assert.match(item, /^\/(a%C3%A9)+(a|a%C3)?~[0-9a-f]{16}$/)
    assert.notEqual(item, canonicalItem(`${long}b`))
    assert.equal(canonicalItem(item), item)
    const query = withOptions({ query: 'keep' })
    assert.notEqual(
      canonicalItem(`/p?a=${'b'.repeat(3_000)}`, query),
      canonicalItem(`/p?a=${'b'.repeat(3_001)}`, query),
    )
  })

  it('gives an item that is its own canonical spelling, printable, and bounded', () => {
    fc.assert(
      fc.property(anyTarget, anyOptions, (target, options) => {
        const item = canonicalItem(target, options)
        assert.match(item, /^\/[\x21-\x7e]*$/)
        assert.equal(canonicalItem(item, options), item)
      }),
      { numRuns: propertyRuns * 10 },
    )
  }).timeout(propertyTimeoutMs)

  it('keeps that of long targets, too', () => {
    const repeated = fc.tuple(anyTarget, fc.integer({ min: 100, max: 900 }))
    fc.assert(
      fc.property(repeated, anyOptions, ([piece, times], options) => {
        const item = canonicalItem(`/${piece.repeat(times)}`, options)
        assert.ok(item.length <= MAX_ITEM_ID_LENGTH)
        assert.equal(canonicalItem(item, options), item)
      }),
      { numRuns: propertyRuns },
    )
  }).timeout(propertyTimeoutMs)

  it('removes dot segments as RFC 3986 § 5.2.4 does', () => {
    const anyPath = fc
      .array(fc.constantFrom('.', '..', '...', 'a', 'b', '.c'), { minLength: 1, maxLength: 12 })
      .map((segments) => `/${segments.join('/')}`)
    const options = withOptions({ trailingSlash: 'keep' })
    fc.assert(
      fc.property(anyPath, (path) => assert.equal(canonicalItem(path, options), removeDotSegments(path))),
      { numRuns: propertyRuns },
    )
  }).timeout(propertyTimeoutMs)

  it('does not depend on how unreserved characters are spelled', () => {
    const anySegment = fc.stringMatching(/^[A-Za-z0-9_~-]{1,12}$/)
    const spelledOtherwise = (text: string, seed: number): string =>
      Array.from(text, (char, at) => {
        const hex = char.charCodeAt(0).toString(16)
        return (seed >> (at % 30)) & 1 ? `%${seed & 1 ? hex : hex.toUpperCase()}` : char
      }).join('')
    fc.assert(
      fc.property(anySegment, fc.nat(), (segment, seed) =>
        assert.equal(canonicalItem(`/item/${spelledOtherwise(segment, seed)}`), `/item/${segment}`),
      ),
      { numRuns: propertyRuns },
    )
  }).timeout(propertyTimeoutMs)

  it('takes time in proportion to the length of the target', () => {
    const msOf = (target: string): number => {
      const startMs = performance.now()
      for (let n = 0; n < 20; n++) canonicalItem(target)
      return performance.now() - startMs
    }
    for (const piece of ['%34', '/..', '/a', ';sid=1', '%3Bsid', '%', '(S(', '/(S(a))', 'é', '//']) {
      msOf(piece.repeat(1_000))
      const whole = piece.repeat(Math.floor(65_536 / piece.length))
      assert.ok(msOf(`/${whole}`) < 2_000, `${piece} repeated to 64 KiB takes more than 100 ms`)
    }
  }).timeout(30_000)
})
