import assert from 'node:assert/strict'
import {
  CHECKPOINT_TURNS,
  RECORDS_PER_CHECKPOINT,
  takeCheckpointTurns,
} from '../../../../workers/detector/checkpoint-turns.js'

const INTERVAL_MS = 5_000
const TURN_MS = INTERVAL_MS / CHECKPOINT_TURNS

interface Partition {
  readonly name: number
  checkpointTurnMs: number
  nextOffset: number
  committedOffset: number
}

const partitions = (count: number): Partition[] =>
  Array.from({ length: count }, (_, name) => ({ name, checkpointTurnMs: 0, nextOffset: 0, committedOffset: 0 }))

/** The partitions of every turn, in one interval after another. */
function turnsOf(owners: Partition[], intervals: number): number[][] {
  const turns = Array.from({ length: intervals * CHECKPOINT_TURNS }, (_, turn) => (turn + 1) * TURN_MS)
  return turns.map((nowMs) => takeCheckpointTurns(owners, nowMs, INTERVAL_MS).map(({ name }) => name))
}

describe('takeCheckpointTurns', () => {
  for (const count of [1, 4, 12, 50])
    it(`gives each of ${count} partitions one turn in an interval, few at a time`, () => {
      const turns = turnsOf(partitions(count), 10)
      const most = Math.ceil(count / CHECKPOINT_TURNS)
      for (const taken of turns) assert.ok(taken.length <= most, `${taken.length} at once`)
      // All were taken at the same moment, so the first interval passes without any, and the second spreads them out.
      for (let name = 0; name < count; name++) {
        const times = turns.flat().filter((other) => other === name).length
        assert.ok(times >= 8 && times <= 10, `partition ${name} had ${times} turns in 10 intervals`)
      }
    })

  it('lets a partition that decides much have its turn earlier, and keeps none of the others from theirs', () => {
    const owners = partitions(4)
    const [busy] = owners
    assert.ok(busy)
    busy.nextOffset = RECORDS_PER_CHECKPOINT
    const turns = turnsOf(owners, 10)
    assert.deepEqual(turns[0], [0])
    for (const name of [1, 2, 3]) assert.ok(turns.flat().filter((other) => other === name).length >= 8)
  })

  it('does not give a turn for less', () => {
    const owners = partitions(1)
    for (const owner of owners) owner.nextOffset = RECORDS_PER_CHECKPOINT - 1
    assert.deepEqual(takeCheckpointTurns(owners, INTERVAL_MS - 1, INTERVAL_MS), [])
    assert.equal(takeCheckpointTurns(owners, INTERVAL_MS, INTERVAL_MS).length, 1)
    assert.deepEqual(takeCheckpointTurns(owners, INTERVAL_MS + 1, INTERVAL_MS), [])
  })
})
