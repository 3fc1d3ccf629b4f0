import { cancelled, heartbeat } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import { GuardianError, isRetryable } from '../domain/errors.js'

/** The response to a heartbeat tells a worker that its activity was cancelled. Workers send every heartbeat at once. */
export const HEARTBEAT_MS = 2_000

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

/**
 * Runs the work of an activity: sends heartbeats, converts its errors, and ends as soon as the activity is cancelled, even
 * while the work waits for a server that does not answer. Work that continues after that must be harmless: long work
 * checks `cancellationSignal()` before each step.
 * @param details of each heartbeat: what the next attempt resumes from, or what an observer sees
 * @throws CancelledFailure; else as `asActivityFailure` says
 */
export async function asActivity<T>(work: () => Promise<T>, details?: () => unknown): Promise<T> {
  const timer = setInterval(() => heartbeat(details?.()), HEARTBEAT_MS)
  try {
    const running = work()
    running.catch(() => undefined) // it may fail after the activity was cancelled
    return await Promise.race([running, cancelled()])
  } catch (error) {
    throw asActivityFailure(error)
  } finally {
    clearInterval(timer)
  }
}
