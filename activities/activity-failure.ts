import { ApplicationFailure } from '@temporalio/common'
import { GuardianError, isRetryable } from '../domain/errors.js'

/**
 * What an activity throws across the border to Temporal: the code becomes the failure's type, which the retry policies
 * know. Errors without a code are tried again, like any unknown.
 */
export function asActivityFailure(error: unknown): unknown {
  if (!(error instanceof GuardianError)) return error
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !isRetryable(error),
    cause: error,
  })
}

/** Runs an activity's work, and gives its errors the form that Temporal keeps. */
export async function asActivity<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asActivityFailure(error)
  }
}
