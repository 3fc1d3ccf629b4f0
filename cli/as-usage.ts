import { GuardianError } from '../domain/errors.js'
import { UsageError } from './cli-error.js'

/** What the domain refuses of a command's words is wrong use. */
export function asUsage<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof GuardianError && error.code === 'GRD_BAD_INPUT') throw new UsageError(error.message)
    throw error
  }
}
