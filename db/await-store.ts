import { setTimeout as sleep } from 'node:timers/promises'
import { GuardianError, isRetryable } from '../domain/errors.js'
import type { Logger } from '../platform/logger.js'

const PAUSE_MS = 500

/**
 * What a process reads of PostgreSQL before it can start: tried again while the database is away, as one is that starts
 * beside it or that has just lost the connection.
 * @param patienceMs no attempt begins later than this after the first
 * @throws what the last attempt threw; at once what another attempt would not change
 */
export async function awaitStore<T>(look: () => Promise<T>, patienceMs: number, log: Logger): Promise<T> {
  const endsAt = performance.now() + patienceMs
  for (;;) {
    try {
      return await look()
    } catch (err) {
      const isPassing = err instanceof GuardianError && isRetryable(err)
      if (!isPassing || performance.now() + PAUSE_MS > endsAt) throw err
      log.warn({ err, retryInMs: PAUSE_MS }, 'postgres_not_there_yet')
      await sleep(PAUSE_MS)
    }
  }
}
