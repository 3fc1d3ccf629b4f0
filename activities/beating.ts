import { heartbeat } from '@temporalio/activity'

const HEARTBEAT_MS = 3_000

/**
 * Tells Temporal again and again that the work goes on; a worker that has died is so noticed within the heartbeat's time.
 * @param details what an observer sees of it
 */
export async function beating<T>(work: () => Promise<T>, details?: () => unknown): Promise<T> {
  const timer = setInterval(() => heartbeat(details?.()), HEARTBEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
