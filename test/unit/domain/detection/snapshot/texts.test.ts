import assert from 'node:assert/strict'
import fc from 'fast-check'
import { NumberedTexts, readTexts } from '../../../../../domain/detection/snapshot/texts.js'
import { propertyRuns } from '../../property-runs.js'

describe('NumberedTexts', () => {
  it('gives each text that is used a number, and writes it once', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat({ max: 20_000 })), (known, refs) => {
        const textOf = (ref: number): string => known[ref % Math.max(1, known.length)] ?? `text ${ref}`
        const texts = new NumberedTexts({ textOf, copyWords: () => -1 })
        const numbers = [...refs, ...refs].map((ref) => texts.numberOf(ref))
        const read = readTexts(texts.finish().slice())
        assert.equal(read.length, new Set(refs).size)
        assert.deepEqual(
          numbers.map((number) => read[number]),
          [...refs, ...refs].map(textOf),
        )
      }),
      { numRuns: propertyRuns },
    )
  })

  it('refuses words that end too early', () => {
    const texts = new NumberedTexts({ textOf: () => 'one text', copyWords: () => -1 })
    texts.numberOf(3)
    const words = texts.finish()
    assert.throws(() => readTexts(words.slice(0, words.length - 1)), RangeError)
  })
})
