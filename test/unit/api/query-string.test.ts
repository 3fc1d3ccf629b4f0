import assert from 'node:assert/strict'
import { parseQuery } from '../../../api/query-string.js'

const read = (url: string) => ({ ...parseQuery(url) })

describe('parseQuery', () => {
  it('reads names and values, escapes, spaces and empty parts', () => {
    assert.deepEqual(read('/anomalies'), {})
    assert.deepEqual(read('/anomalies?'), {})
    assert.deepEqual(read('/a?x=1&y=a%26b&&z=a+b&w=a=b&v'), { x: '1', y: 'a&b', z: 'a b', w: 'a=b', v: '' })
    assert.deepEqual(read('/a?s=%C3%A9&q=?'), { s: 'é', q: '?' })
  })

  it('keeps names that mean something to JavaScript as plain names', () => {
    assert.deepEqual(Object.keys(parseQuery('/a?__proto__=1&constructor=2&toString=3')), [
      '__proto__',
      'constructor',
      'toString',
    ])
    assert.equal(Reflect.get({}, '1'), undefined)
  })

  it('refuses a parameter that is given twice, by its name', () => {
    assert.throws(() => parseQuery('/a?limit=1&limit=2'), {
      code: 'BAD_REQUEST',
      errors: [{ path: 'query.limit', message: 'given more than once' }],
    })
    assert.throws(() => parseQuery('/a?x=1&%78=2'), { code: 'BAD_REQUEST' })
  })

  it('refuses escapes that are not UTF-8, and more parameters than any route has', () => {
    for (const url of ['/a?x=%ff', '/a?%=1', '/a?x=%C3', '/a?x=%ED%A0%80'])
      assert.throws(() => parseQuery(url), URIError)
    assert.throws(() => parseQuery(`/a?${'x&'.repeat(51)}`), { code: 'BAD_REQUEST' })
  })
})
