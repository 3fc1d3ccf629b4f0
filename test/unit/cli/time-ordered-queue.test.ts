import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TimeOrderedQueue } from '../../../cli/time-ordered-queue.js'

describe('TimeOrderedQueue', () => {
  it('gives entries by time, and those of one time as they were put', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
        const queue = new TimeOrderedQueue<number>()
        times.forEach((atMs, order) => queue.put(atMs, order))
        const taken: number[] = []
        for (let entry = queue.take(); entry; entry = queue.take()) taken.push(entry.value)
        const expected = times
          .map((atMs, order) => ({ atMs, order }))
          .sort((a, b) => a.atMs - b.atMs || a.order - b.order)
        assert.deepEqual(
          taken,
          expected.map(({ order }) => order),
        )
      }),
    )
  })

  it('keeps its order while entries come and go', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined })), (steps) => {
        const queue = new TimeOrderedQueue<null>()
        const model: number[] = []
        for (const atMs of steps) {
          if (atMs === undefined) assert.equal(queue.take()?.atMs, model.sort((a, b) => a - b).shift())
          else {
            queue.put(atMs, null)
            model.push(atMs)
          }
          assert.equal(queue.size, model.length)
          assert.equal(queue.nextAtMs, model.length === 0 ? undefined : Math.min(...model))
        }
      }),
    )
  })
})
