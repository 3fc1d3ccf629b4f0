import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MAX_WINDOW_MS, oldestWindowStart, PANE_MS, paneOf, paneWindow } from '../../../../domain/windowing/pane.js'
import { propertyRuns } from '../property-runs.js'

describe('paneOf', () => {
  it('puts an instant in the pane that covers it, before 1970 too', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4e12, max: 2e13 }), (timeMs) => {
        const pane = paneOf(timeMs)
        assert.ok(pane * PANE_MS <= timeMs && timeMs < (pane + 1) * PANE_MS)
      }),
      { numRuns: propertyRuns },
    )
    assert.deepEqual([-10_001, -10_000, -1, 0, 9_999, 10_000].map(paneOf), [-2, -1, -1, 0, 0, 1])
  })
})

describe('oldestWindowStart', () => {
  it('lists every window that holds a pane and no other', () => {
    const anyWindow = fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.nat({ max: 999 }))
      .map(([sizePanes, n]) => ({ sizePanes, slidePanes: 1 + (n % sizePanes) }))
    fc.assert(
      fc.property(anyWindow, fc.integer({ min: -5_000, max: 5_000 }), (window, pane) => {
        const listed: number[] = []
        for (let start = oldestWindowStart(window, pane); start <= pane; start += window.slidePanes)
          listed.push(start + 0)
        const expected: number[] = []
        for (let start = pane - 100; start <= pane + 100; start++)
          if (start % window.slidePanes === 0 && start <= pane && pane < start + window.sizePanes) expected.push(start)
        assert.deepEqual(listed, expected)
      }),
      { numRuns: propertyRuns },
    )
  })
})

describe('paneWindow', () => {
  it('counts a window and its slide in panes', () => {
    assert.deepEqual(paneWindow(60_000, 10_000), { sizePanes: 6, slidePanes: 1 })
    assert.deepEqual(paneWindow(10_000, 10_000), { sizePanes: 1, slidePanes: 1 })
    assert.deepEqual(paneWindow(MAX_WINDOW_MS, 1_800_000), { sizePanes: 360, slidePanes: 180 })
  })

  for (const sizeMs of [0, -10_000, 5_000, 15_000, 10_000.5, MAX_WINDOW_MS + PANE_MS, Number.NaN, Infinity])
    it(`refuses a window of ${sizeMs} ms`, () => {
      assert.throws(() => paneWindow(sizeMs, 10_000), { name: 'RangeError', message: new RegExp(`not ${sizeMs} ms`) })
    })

  for (const slideMs of [0, -10_000, 5_000, 15_000, 10_000.5, 70_000, Number.NaN])
    it(`refuses a slide of ${slideMs} ms`, () => {
      assert.throws(() => paneWindow(60_000, slideMs), { name: 'RangeError', message: new RegExp(`not ${slideMs} ms`) })
    })
})
