import { cancelled } from '@temporalio/activity'

/**
 * Waits for work that cannot be interrupted only as long as somebody wants it: a worker that stops, or an attempt that
 * has been given up, does not wait for a server that does not answer. What goes on unheard must be harmless.
 * @throws what the work throws; CancelledFailure
 */
export async function untilCancelled<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined) // it may fail when nobody listens any more
  return Promise.race([work, cancelled()])
}
