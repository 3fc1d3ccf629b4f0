import assert from 'node:assert/strict'
import fc from 'fast-check'
import { NumberedTexts, readTexts } from '../../../../../domain/detection/snapshot/texts.js'
import { propertyRuns } from '../../property-runs.js'

describe('NumberedTexts', () => {
  it('gives back the text of every number that was used, once', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat({ max: 20_000 })), (known, refs) => {
        const textOf = (ref: number): string => known[ref % Math.max(1, known.length)] ?? `text ${ref}`
        const texts = new NumberedTexts({ textOf, copyText: () => -1 })
        for (const ref of [...refs, ...refs]) texts.use(ref)
        assert.deepEqual(readTexts(texts.finish()), new Map(refs.map((ref) => [ref, textOf(ref)])))
      }),
      { numRuns: propertyRuns },
    )
  })

  it('refuses a run of bytes that ends too early', () => {
    const texts = new NumberedTexts({ textOf: () => 'one text', copyText: () => -1 })
    texts.use(3)
    const bytes = texts.finish()
    assert.throws(() => readTexts(bytes.subarray(0, bytes.length - 1)), RangeError)
  })
})
