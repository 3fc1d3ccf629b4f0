import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Watermark } from '../../../../domain/windowing/watermark.js'
import { propertyRuns } from '../property-runs.js'

const anyInstant = fc.integer({ min: 0, max: 1_000 })

describe('Watermark', () => {
  it('is the highest min(event time, append time) seen, less the lateness, and never goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyInstant, anyInstant)), fc.nat({ max: 50 }), (events, latenessMs) => {
        const watermark = new Watermark(latenessMs)
        let highestMs = Number.NEGATIVE_INFINITY
        for (const [eventMs, appendMs] of events) {
          const beforeMs = watermark.ms
          const isMoved = watermark.accept(eventMs, appendMs)
          highestMs = Math.max(highestMs, Math.min(eventMs, appendMs))
          assert.equal(watermark.ms, highestMs - latenessMs)
          assert.equal(isMoved, watermark.ms > beforeMs)
        }
      }),
      { numRuns: propertyRuns },
    )
  })

  it('takes nothing as late before the first event', () => {
    assert.equal(new Watermark(0).isLate(Number.MIN_SAFE_INTEGER), false)
  })

  it('takes as late what is before it, and not what is at it', () => {
    const watermark = new Watermark(30, 100)
    assert.deepEqual(
      [99, 100, 101].map((eventMs) => watermark.isLate(eventMs)),
      [true, false, false],
    )
  })

  it('goes on from where it was stored', () => {
    const watermark = new Watermark(10, 100)
    assert.equal(watermark.accept(110, 500), false)
    assert.equal(watermark.accept(111, 500), true)
    assert.equal(watermark.ms, 101)
  })
})
