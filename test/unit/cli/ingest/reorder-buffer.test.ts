import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ReorderBuffer } from '../../../../cli/ingest/reorder-buffer.js'

interface Entry {
  readonly atMs: number
  readonly order: number
}

function through(entries: readonly Entry[], spanMs: number, maxEntries = 1_000_000): Entry[] {
  const buffer = new ReorderBuffer<Entry>(spanMs, maxEntries)
  const given: Entry[] = []
  let newestMs = Number.NEGATIVE_INFINITY
  const give = (_atMs: number, entry: Entry) => void given.push(entry)
  for (const entry of entries) {
    buffer.put(entry.atMs, entry)
    newestMs = Math.max(newestMs, entry.atMs)
    buffer.takeDue(newestMs, give)
  }
  buffer.flush(give)
  return given
}

describe('ReorderBuffer', () => {
  it('puts in order what is out of it by no more than the span, equal times as they came', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(100))), fc.integer({ min: 100, max: 200 }), (steps, spanMs) => {
        let clock = 0
        const entries = steps.map(([ahead, back], order) => ({ atMs: (clock += ahead) - back, order }))
        const expected = [...entries].sort((a, b) => a.atMs - b.atMs || a.order - b.order)
        assert.deepEqual(through(entries, spanMs), expected)
      }),
    )
  })

  it('loses nothing and gives nothing twice, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(100), fc.integer({ min: 1, max: 5 }), (times, spanMs, most) => {
        const entries = times.map((atMs, order) => ({ atMs, order }))
        const orders = through(entries, spanMs, most).map(({ order }) => order)
        assert.deepEqual(
          orders.sort((a, b) => a - b),
          entries.map(({ order }) => order),
        )
      }),
    )
  })

  it('holds no more than it may', () => {
    const buffer = new ReorderBuffer<number>(1_000_000, 10)
    for (let i = 0; i < 100; i++) {
      buffer.put(i, i)
      buffer.takeDue(i, () => undefined)
      assert.ok(buffer.size <= 10)
    }
  })
})
