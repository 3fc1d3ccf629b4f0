import { ApplicationFailure } from '@temporalio/common'
import { GuardianError, isRetryable } from '../domain/errors.js'

/**
 * Converts an error to the failure that Temporal stores. Its code becomes the type, and `isRetryable` decides whether Temporal
 * retries the activity: retry policies list no codes. An unknown COMMIT is retried, as every activity can be repeated: it
 * finds out by itself what an earlier attempt has stored. Errors without a code are retried.
 */
export function asActivityFailure(error: unknown): unknown {
  if (!(error instanceof GuardianError)) return error
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: error.code !== 'GRD_COMMIT_UNKNOWN' && !isRetryable(error),
    cause: error,
  })
}

/** Runs the work of an activity and converts its errors. @throws as `asActivityFailure` says */
export async function asActivity<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asActivityFailure(error)
  }
}
