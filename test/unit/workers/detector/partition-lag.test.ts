import assert from 'node:assert/strict'
import { PartitionLag } from '../../../../workers/detector/partition-lag.js'

describe('the lag of a partition', () => {
  it('counts records up to the end of the log, and seconds since Kafka got the next one', () => {
    const lag = new PartitionLag()
    lag.fetched(100, 5_000, 1_100, 9_000)
    assert.equal(lag.records, 1_000)
    assert.equal(lag.seconds(9_000), 4)
    assert.equal(lag.seconds(12_000), 7, 'time passes while a batch is held')
    lag.processed(600, 6_000, 10_000)
    assert.deepEqual([lag.records, lag.seconds(10_000)], [500, 4])
    lag.processed(1_100, 7_000, 11_000)
    assert.deepEqual([lag.records, lag.seconds(99_000), lag.secondsToClear(99_000)], [0, 0, 0])
  })

  it('is not that of the last record when the next one came much later', () => {
    const lag = new PartitionLag()
    lag.fetched(0, 1_000, 1, 1_000)
    lag.processed(1, 1_000, 1_010)
    lag.fetched(1, 3_600_000, 2, 3_600_500)
    assert.equal(lag.seconds(3_600_500), 0.5)
  })

  it('is cleared at the pace of the last ten seconds', () => {
    const lag = new PartitionLag()
    lag.fetched(0, 0, 10_000, 0)
    for (let second = 1; second <= 20; second++) lag.processed(second * 10, 0, second * 1_000)
    for (let second = 21; second <= 40; second++) lag.processed(200 + (second - 20) * 100, 0, second * 1_000)
    assert.ok(Math.abs(lag.pace(40_000) - 100) < 10, String(lag.pace(40_000)))
    assert.ok(Math.abs(lag.secondsToClear(40_000) - 78) < 8)
  })

  it('is cleared at that pace also when batches come every few milliseconds', () => {
    const lag = new PartitionLag()
    lag.fetched(0, 0, 10_000, 0)
    for (let ms = 7; ms <= 20_000; ms += 7) lag.processed(ms / 100, 0, ms)
    for (let ms = 20_001; ms <= 40_000; ms += 7) lag.processed(200 + (ms - 20_000) / 10, 0, ms)
    assert.ok(Math.abs(lag.pace(40_000) - 100) < 1, String(lag.pace(40_000)))
    assert.ok(Math.abs(lag.pace(45_000) - 50) < 2, String(lag.pace(45_000)))
  })

  it('is never cleared while nothing moves', () => {
    const lag = new PartitionLag()
    lag.fetched(0, 0, 100, 0)
    assert.equal(lag.secondsToClear(0), Number.POSITIVE_INFINITY)
    lag.processed(50, 0, 1_000)
    assert.equal(lag.secondsToClear(1_000), 1)
    assert.equal(lag.secondsToClear(60_000), Number.POSITIVE_INFINITY)
  })
})
