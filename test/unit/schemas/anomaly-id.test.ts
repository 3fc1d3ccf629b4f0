import assert from 'node:assert/strict'
import fc from 'fast-check'
import { anomalyIdOf, parseAnomalyId } from '../../../schemas/rest/anomaly-id.js'
import { propertyRuns } from '../domain/property-runs.js'

const anyText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((text) => !text.includes('\0'))
const anyKey = fc.record({
  windowStart: fc.integer({ min: 0, max: 4_000_000_000 }).map((n) => new Date(n * 1_000)),
  sessionId: anyText,
  ruleId: anyText,
  mode: fc.constantFrom('active' as const, 'shadow' as const),
})

describe('anomaly id', () => {
  it('gives the key back, and is fit for a URL', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const id = anomalyIdOf(key)
        assert.match(id, /^[A-Za-z0-9_-]+$/)
        assert.deepEqual(parseAnomalyId(id), { ...key })
      }),
      { numRuns: propertyRuns },
    )
  })

  it('stays what it was: it is in bookmarks and tickets', () => {
    const key = {
      windowStart: new Date('2026-10-01T12:00:00Z'),
      sessionId: 's1',
      ruleId: 'BOT_LIKE',
      mode: 'active' as const,
    }
    for (const topic of [undefined, 'km.clicks.v1'])
      assert.equal(anomalyIdOf({ ...key, topic }), 'WzE3OTA4NTYwMDAwMDAsInMxIiwiQk9UX0xJS0UiLCJhY3RpdmUiXQ')
  })

  it('has the topic of a fresh log, so that the same session of the live log is another', () => {
    const live = { windowStart: new Date(0), sessionId: 's', ruleId: 'r', mode: 'active' as const }
    const fresh = { ...live, topic: 'km.logs.access.v1' }
    assert.deepEqual(parseAnomalyId(anomalyIdOf(fresh)), fresh)
    assert.notEqual(anomalyIdOf(fresh), anomalyIdOf(live))
  })

  it('refuses any other text, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json().map(encode)), (text) => {
        const key = parseAnomalyId(text)
        if (key !== undefined) assert.equal(anomalyIdOf(key), text)
      }),
      { numRuns: propertyRuns },
    )
  })

  const at = 1_790_856_000_000
  const BAD: Readonly<Record<string, unknown>> = {
    nothing: '',
    'an object': {},
    'too few': [at, 's', 'r'],
    'too many': [at, 's', 'r', 'active', 1],
    'a live topic': [at, 's', 'r', 'active', 'km.clicks.v1'],
    'another mode': [at, 's', 'r', 'draft'],
    'a text as time': [String(at), 's', 'r', 'active'],
    'a fraction': [at + 0.5, 's', 'r', 'active'],
    'before 1970': [-1, 's', 'r', 'active'],
    'after 9999': [253_402_300_800_000, 's', 'r', 'active'],
    'no session': [at, '', 'r', 'active'],
    NUL: [at, 's\0', 'r', 'active'],
    __proto__: JSON.parse('{"__proto__": [1]}'),
  }
  for (const [what, value] of Object.entries(BAD))
    it(`refuses ${what}`, () => assert.equal(parseAnomalyId(encode(JSON.stringify(value))), undefined))

  it('refuses a second spelling of the same key', () => {
    const id = encode(JSON.stringify([at, 's', 'r', 'active']))
    assert.ok(parseAnomalyId(id))
    for (const other of [`${id}=`, ` ${id}`, `${id}\n`, encode(JSON.stringify([at, 's', 'r', 'active'], null, 1))])
      assert.equal(parseAnomalyId(other), undefined)
  })
})

const encode = (json: string): string => Buffer.from(json).toString('base64url')
