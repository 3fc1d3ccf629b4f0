import assert from 'node:assert/strict'
import { GuardianError, isRetryable } from '../../../../domain/errors.js'
import { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { checkState } from '../../../../workers/detector/state-limit.js'

const detector = new PartitionDetector({ allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }, [])
const owner = { name: 'km.clicks.v1/3', nextOffset: 4_711, detector }

describe('the limit of a partition’s state', () => {
  it('lets a state pass that takes no more', () => {
    checkState(owner, detector.stateBytes)
  })

  it('refuses a larger one for good, and says whose it is, how large, and which settings change that', () => {
    assert.throws(
      () => checkState(owner, detector.stateBytes - 1),
      (error) => {
        assert.ok(error instanceof GuardianError)
        assert.equal(error.code, 'GRD_STATE_LIMIT')
        assert.equal(isRetryable(error), false)
        assert.match(error.message, /km\.clicks\.v1\/3 takes \d+ bytes at offset 4711/)
        assert.match(error.message, /MAX_PARTITION_STATE_BYTES .* ALLOWED_LATENESS_MS/)
        return true
      },
    )
  })
})
