import { GuardianError } from '../domain/errors.js'

/**
 * Runs a transaction that finds out by itself whether it was done before. One whose COMMIT got no answer is therefore
 * simply tried again, where others would have to be looked at first.
 */
export async function onceKnown<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof GuardianError) || error.code !== 'GRD_COMMIT_UNKNOWN') throw error
    throw new GuardianError('GRD_STORE_UNAVAILABLE', error.message, { cause: error })
  }
}
