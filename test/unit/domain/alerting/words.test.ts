import assert from 'node:assert/strict'
import fc from 'fast-check'
import { countOf, listOf, numberWords, oneLine, someOf, spanWords } from '../../../../domain/alerting/words.js'

describe('words', () => {
  it('separates thousands as everybody does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (n) =>
        assert.equal(numberWords(n), n.toLocaleString('en-US')),
      ),
    )
  })

  it('puts a noun in the right number', () => {
    assert.deepEqual(
      [0, 1, 2, 1_512].map((n) => countOf(n, 'record')),
      [...['0 records', '1 record', '2 records', '1,512 records']],
    )
    assert.equal(countOf(2, 'anomaly', 'anomalies'), '2 anomalies')
  })

  it('lists names', () => {
    assert.deepEqual(
      [listOf([]), listOf(['a']), listOf(['a', 'b']), listOf(['a', 'b', 'c'])],
      ['', 'a', 'a and b', 'a, b and c'],
    )
    assert.equal(someOf(['a', 'b', 'c'], 2), 'a, b and 1 other')
  })

  it('says how long', () => {
    const [MINUTE, HOUR] = [60_000, 3_600_000]
    assert.deepEqual([-5, 0, MINUTE, 89_000, 2 * MINUTE, HOUR, 2 * HOUR, 36 * HOUR, 72 * HOUR].map(spanWords), [
      'minute',
      'minute',
      'minute',
      'minute',
      '2 minutes',
      '60 minutes',
      '2 hours',
      '36 hours',
      '3 days',
    ])
  })

  it('makes one line of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const line = oneLine(text, 50)
        assert.ok(line.length <= 50)
        assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u)
      }),
    )
  })
})
