import assert from 'node:assert/strict'
import { PartitionCounts } from '../../../../platform/kafka/partition-counts.js'

describe('PartitionCounts', () => {
  it('reads a count again when it is old, and uses the one before meanwhile, and while Kafka does not answer', async () => {
    let [nowMs, partitions, reads, isAway] = [0, 4, 0, false]
    const counts = new PartitionCounts(
      () => {
        reads++
        return isAway ? Promise.reject(new Error('away')) : Promise.resolve(partitions)
      },
      () => nowMs,
    )
    assert.equal(counts.known('t'), undefined)
    assert.deepEqual(await Promise.all([counts.of('t'), counts.of('t')]), [4, 4])
    assert.equal(reads, 1, 'two callers ask once')
    partitions = 8
    nowMs = 9_999
    assert.equal(await counts.of('t'), 4)
    assert.equal(reads, 1)
    nowMs = 10_000
    assert.equal(await counts.of('t'), 4, 'nobody waits for it')
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(await counts.of('t'), 8)
    isAway = true
    nowMs = 20_000
    for (let i = 0; i < 3; i++) assert.equal(await counts.of('t'), 8)
  })
})
