import assert from 'node:assert/strict'
import { Progress, type Look } from '../../../../workers/detector/progress.js'

const look = (nextOffset: number | undefined, lagRecords = 5): Look => ({
  topic: 't',
  partition: 0,
  nextOffset,
  resumeAt: nextOffset ?? 0,
  lagRecords,
})

describe('the progress of partitions', () => {
  it('stands since the first look at the same offset, while there are records behind it', () => {
    const progress = new Progress()
    assert.deepEqual(progress.look([look(10)], 1_000), [])
    assert.deepEqual(
      progress.look([look(10)], 4_000).map(({ stalledMs }) => stalledMs),
      [3_000],
    )
    assert.deepEqual(
      progress.look([look(10)], 9_000).map(({ stalledMs }) => stalledMs),
      [8_000],
    )
    assert.deepEqual(progress.look([look(11)], 10_000), [])
    assert.deepEqual(
      progress.look([look(11)], 12_000).map(({ stalledMs }) => stalledMs),
      [2_000],
    )
  })

  it('also stands before the first checkpoint', () => {
    const progress = new Progress()
    progress.look([look(undefined)], 0)
    assert.equal(progress.look([look(undefined)], 700)[0]?.stalledMs, 700)
  })

  it('does not stand where nothing is to be done, and is counted from when there is', () => {
    const progress = new Progress()
    progress.look([look(10, 0)], 0)
    assert.deepEqual(progress.look([look(10, 0)], 90_000), [])
    assert.deepEqual(
      progress.look([look(10, 1)], 91_000).map(({ stalledMs }) => stalledMs),
      [1_000],
    )
  })

  it('is counted anew after it was forgiven, and after a partition was away', () => {
    const progress = new Progress()
    progress.look([look(10)], 0)
    progress.forgive(55_000)
    assert.deepEqual(progress.look([look(10)], 50_000), [])
    assert.deepEqual(progress.look([look(10)], 54_000), [])
    assert.deepEqual(
      progress.look([look(10)], 58_000).map(({ stalledMs }) => stalledMs),
      [3_000],
    )
    progress.look([], 60_000)
    assert.deepEqual(progress.look([look(10)], 70_000), [])
  })
})
