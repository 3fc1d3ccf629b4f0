import assert from 'node:assert/strict'
import { takeFromLog, type LogPositions } from '../../../workers/log-positions.js'

const CLICKS = { topic: 'clicks', partition: 0 }
const log = (ends: number[]): LogPositions => ({
  offsetsOf: () =>
    Promise.resolve({ partition: 0, low: 0, high: ends.length > 1 ? (ends.shift() ?? 0) : (ends[0] ?? 0) }),
  partitionsOf: () => Promise.resolve(1),
  firstOffsetAfter: () => Promise.resolve(undefined),
})
const take = (nextOffset: number) => () => Promise.resolve({ nextOffset, lastAppendTs: null })

describe('takeFromLog', () => {
  it('does not take what the last owner committed until its epoch ended for a log that became shorter', async () => {
    const { taken, offsets } = await takeFromLog(log([100, 120]), CLICKS, take(120))
    assert.deepEqual([taken.nextOffset, offsets.high], [120, 120])
  })

  it('refuses a log that is shorter than the checkpoint', async () => {
    await assert.rejects(takeFromLog(log([100]), CLICKS, take(120)), {
      code: 'GRD_DATA_GAP',
      message: /clicks\/0 continues at 120, but .*run `guardian new-log clicks`/,
    })
  })
})
