import { ApplicationFailure } from '@temporalio/common'
import { GuardianError } from '../domain/errors.js'

/**
 * Calls the domain from a workflow. What it refuses fails the run for good; any other error would only fail the
 * workflow's task, which Temporal repeats without an end until the code is mended.
 */
export function decide<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (error instanceof GuardianError) throw ApplicationFailure.nonRetryable(error.message, error.code)
    throw error
  }
}
