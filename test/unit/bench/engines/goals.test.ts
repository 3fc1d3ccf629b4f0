import assert from 'node:assert/strict'
import { goalResults } from '../../../../bench/engines/goals.js'

const figures = (eventsPerSecond: number, cpuMicrosecondsPerEvent: number) => ({
  eventsPerSecond,
  cpuMicrosecondsPerEvent,
  peakMegabytes: 100,
})

describe('bench/engines: goals', () => {
  it('takes events per CPU-second the right way up: less CPU per event is more', () => {
    const [goal] = goalResults([{ guardian: figures(1, 4), 'flink-panes': figures(9, 8) }])
    assert.deepEqual(goal, {
      name: 'events per CPU-second, one process / Flink, hand-written operator',
      ratio: 2,
      atLeast: 1.6,
      isReached: true,
    })
  })

  it('asks for seven times the events per CPU-second of Spark', () => {
    const isReached = (theirs: number) =>
      goalResults([{ guardian: figures(1, 4), spark: figures(9, theirs) }])[0]?.isReached
    assert.deepEqual([isReached(28.1), isReached(27.9)], [true, false])
  })

  it('compares two processes with Flink by events per second', () => {
    const run = { 'guardian-2': figures(90, 1), 'flink-panes': figures(100, 9) }
    const [goal] = goalResults([run])
    assert.deepEqual([goal?.ratio, goal?.isReached], [0.9, false])
  })

  it('takes each ratio within its own run, and the median of the runs', () => {
    const run = (ours: number, theirs: number) => ({ guardian: figures(ours, 1), consumer: figures(theirs, 1) })
    const [goal] = goalResults([run(60, 100), run(10, 1_000), run(500, 1_000)])
    assert.equal(goal?.ratio, 0.5)
  })

  it('says nothing of who did not take part', () => {
    assert.deepEqual(goalResults([{ guardian: figures(1, 1) }]), [])
  })
})
