import { GuardianError } from '../../domain/errors.js'

/** How DuckDB and Spark say that a number does not fit its type. */
const OVERFLOW = /out of range error|conversion error|overflow|ArithmeticException|beyond 2\^53/i

/**
 * What an engine throws, for Temporal: a number that does not fit is the same at each attempt, and is said in words. All
 * else may be the memory, the disk or a file that is not there yet, and is tried again.
 */
export function asEngineFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof GuardianError || !OVERFLOW.test(error.message)) return error
  const [line = ''] = error.message.split('\n')
  return new GuardianError(
    'GRD_QUALITY_GATE',
    'a sum of the day exceeds what the engine can compute, and the records that cause it could not be singled out. ' +
      'The published figures stay as they were; trying again does not help. ' +
      `Report this message: ${line.slice(0, 200)}`,
    { cause: error },
  )
}
