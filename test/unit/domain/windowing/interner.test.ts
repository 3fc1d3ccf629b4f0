import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Interner } from '../../../../domain/windowing/interner.js'
import { propertyRuns } from '../property-runs.js'

describe('Interner', () => {
  it('knows exactly the strings that are held', () => {
    const anyMove = fc.tuple(fc.constantFrom('hold', 'retain', 'release'), fc.string({ maxLength: 2 }))
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 200 }), (moves) => {
        const interner = new Interner()
        const holds = new Map<string, number>()
        for (const [move, text] of moves) {
          const held = holds.get(text) ?? 0
          if (move === 'hold') {
            assert.equal(interner.textOf(interner.hold(text)), text)
            holds.set(text, held + 1)
          } else if (held > 0) {
            if (move === 'retain') interner.retain(interner.find(text))
            else interner.release(interner.find(text))
            holds.set(text, held + (move === 'retain' ? 1 : -1))
          }
          if (holds.get(text) === 0) holds.delete(text)
          assert.equal(interner.size, holds.size)
          assert.equal(interner.find(text) >= 0, holds.has(text))
        }
        const refs = [...holds.keys()].map((text) => interner.find(text))
        assert.equal(new Set(refs).size, holds.size, 'no two strings share a number')
        assert.deepEqual(
          refs.map((ref) => interner.textOf(ref)),
          [...holds.keys()],
        )
      }),
      { numRuns: propertyRuns },
    )
  })

  it('uses the numbers of forgotten strings again', () => {
    const interner = new Interner()
    const refs = new Set<number>()
    for (let i = 0; i < 10_000; i++) {
      const ref = interner.hold(`text ${i}`)
      refs.add(ref)
      interner.release(ref)
    }
    assert.equal(refs.size, 1)
    assert.equal(interner.size, 0)
  })

  it('grows past its first size', () => {
    const interner = new Interner()
    const refs = Array.from({ length: 5_000 }, (_, i) => interner.hold(`text ${i}`))
    for (const ref of refs) interner.retain(ref)
    for (const ref of refs) interner.release(ref)
    assert.equal(interner.size, 5_000)
    assert.equal(interner.textOf(4_999), 'text 4999')
  })

  it('throws for a number that nobody holds', () => {
    assert.throws(() => new Interner().textOf(0), RangeError)
  })
})
