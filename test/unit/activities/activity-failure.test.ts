import assert from 'node:assert/strict'
import { ApplicationFailure, CancelledFailure } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { asActivity, asActivityFailure } from '../../../activities/activity-failure.js'
import { ERROR_CODES, GuardianError, isRetryable } from '../../../domain/errors.js'
import { quietTemporal } from '../../support/temporal-client.js'

describe('asActivityFailure', () => {
  before(quietTemporal)

  for (const code of ERROR_CODES)
    it(`${code} becomes the failure's type, and decides whether Temporal retries`, () => {
      const error = new GuardianError(code, 'make a partition')
      const failure = asActivityFailure(error)
      assert.ok(failure instanceof ApplicationFailure)
      // An activity finds out by itself whether it was done before: it is repeated after a COMMIT without an answer.
      const isRetried = code === 'GRD_COMMIT_UNKNOWN' || isRetryable(error)
      assert.deepEqual([failure.type, failure.nonRetryable, failure.cause], [code, !isRetried, error])
    })

  it('leaves any other error as it is, so that it is tried again', async () => {
    const error = new TypeError('x')
    await assert.rejects(
      new MockActivityEnvironment().run(() => asActivity(() => Promise.reject(error))),
      (thrown) => thrown === error,
    )
  })
})

describe('an activity that is cancelled', () => {
  it('ends at once, also while its work waits for a server that does not answer', async () => {
    const environment = new MockActivityEnvironment()
    const run = environment.run(() => asActivity(() => new Promise<never>(() => undefined)))
    environment.cancel('CANCELLED')
    await assert.rejects(run, CancelledFailure)
  })
})
