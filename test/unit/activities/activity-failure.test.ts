import assert from 'node:assert/strict'
import { ApplicationFailure } from '@temporalio/common'
import { asActivity, asActivityFailure } from '../../../activities/activity-failure.js'
import { ERROR_CODES, GuardianError, isRetryable } from '../../../domain/errors.js'

describe('asActivityFailure', () => {
  for (const code of ERROR_CODES)
    it(`${code} becomes the failure's type, and is retried by Temporal as it is by us`, () => {
      const error = new GuardianError(code, 'make a partition')
      const failure = asActivityFailure(error)
      assert.ok(failure instanceof ApplicationFailure)
      assert.deepEqual([failure.type, failure.nonRetryable, failure.cause], [code, !isRetryable(error), error])
    })

  it('leaves any other error as it is, so that it is tried again', async () => {
    const error = new TypeError('x')
    await assert.rejects(
      asActivity(() => Promise.reject(error)),
      (thrown) => thrown === error,
    )
  })
})
