import assert from 'node:assert/strict'
import { allowsChange, encodedTag, etagOf, isKnownTo } from '../../../api/etag.js'
import { encodingFor } from '../../../api/compress.js'
import { RememberedTags } from '../../../api/remembered-tags.js'

describe('tags of content', () => {
  const tag = etagOf('{"a":1}')

  it('are strong, the same for the same text, and another for another', () => {
    assert.match(tag, /^"[\w-]{27}"$/)
    assert.equal(etagOf('{"a":1}'), tag)
    assert.notEqual(etagOf('{"a":2}'), tag)
  })

  it('are known in any place of a list, weakly, in any encoding, and by *', () => {
    for (const header of [tag, `"x", ${tag}`, `W/${tag}`, encodedTag(tag, 'gzip'), encodedTag(tag, 'br'), '*'])
      assert.ok(isKnownTo(header, tag), header)
    for (const header of [undefined, '', '"x"', tag.slice(1, -1), encodedTag(tag, 'zip')])
      assert.ok(!isKnownTo(header, tag), header)
  })

  it('allow a change only when they are strong', () => {
    for (const header of [tag, `"x",${tag}`, encodedTag(tag, 'br'), '*']) assert.ok(allowsChange(header, tag), header)
    for (const header of ['', '"x"', `W/${tag}`]) assert.ok(!allowsChange(header, tag), header)
  })
})

describe('the encoding of an answer', () => {
  it('is one that the caller takes, and none for what is short', () => {
    const cases: readonly (readonly [string | undefined, string | undefined])[] = [
      ['gzip, deflate, br', 'br'],
      ['gzip', 'gzip'],
      ['br;q=0, gzip;q=0.5', 'gzip'],
      ['GZIP', 'gzip'],
      ['gzip;q=0', undefined],
      ['gzip;q=x', undefined],
      ['identity', undefined],
      ['*;q=0', undefined],
      ['', undefined],
      [undefined, undefined],
    ]
    for (const [header, encoding] of cases) assert.equal(encodingFor(header, 5_000), encoding, header)
    assert.equal(encodingFor('br', 1_023), undefined)
  })
})

describe('remembered tags', () => {
  let nowMs = 0
  const open = (max = 10) => new RememberedTags(() => nowMs, 250, max)
  beforeEach(() => (nowMs = 1_000))

  it('are there for as long as is said, from when the content began to be read', () => {
    const tags = open()
    const begun = tags.begin()
    nowMs = 1_100
    tags.keep('a', '"1"', begun)
    nowMs = 1_249
    assert.equal(tags.find('a'), '"1"')
    nowMs = 1_250
    assert.equal(tags.find('a'), undefined)
  })

  it('are gone after a change, and what was read before it is not kept', () => {
    const tags = open()
    tags.keep('a', '"1"', tags.begin())
    const before = tags.begin()
    tags.clear()
    tags.keep('b', '"1"', before)
    assert.deepEqual([tags.find('a'), tags.find('b')], [undefined, undefined])
  })

  it('are no more than is said', () => {
    const tags = open(2)
    for (const key of ['a', 'b', 'c']) tags.keep(key, '"1"', tags.begin())
    assert.deepEqual(['a', 'b', 'c'].map((key) => tags.find(key) !== undefined), [false, true, true]) // prettier-ignore
  })
})
