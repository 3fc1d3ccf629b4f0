import { GuardianError } from '../domain/errors.js'
import { brokenBy, type Connection, type Database, type Transaction } from './pool.js'
import { classifyStoreError } from './store-error.js'

/**
 * Runs work in one READ COMMITTED transaction on one connection: all of it is stored, or none. The connection is
 * closed, never handed on, after a lost connection, a timeout or a rollback that failed.
 * @throws what `work` throws, after the rollback; GRD_COMMIT_UNKNOWN when the connection was lost while the commit was
 * on its way: it may or may not be stored, and has to be read before anything is repeated
 */
export async function withTransaction<T>(db: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const connection = await db.checkOut()
  let broken: Error | undefined
  try {
    await connection.query('BEGIN')
    const result = await work(connection)
    await commit(connection)
    return result
  } catch (error) {
    broken = brokenBy(error) ?? (await rollback(connection))
    throw error
  } finally {
    connection.release(broken)
  }
}

async function commit(connection: Connection): Promise<void> {
  try {
    // COMMIT of a transaction that has failed answers ROLLBACK, without an error; this one reads as a failure.
    const { command } = await connection.query('COMMIT')
    if (command === 'COMMIT') return
  } catch (error) {
    const code = classifyStoreError(error)
    if (code !== 'GRD_STORE_UNAVAILABLE' && code !== 'GRD_STORE_TIMEOUT') throw error
    throw new GuardianError('GRD_COMMIT_UNKNOWN', 'the connection was lost during COMMIT', { cause: error })
  }
  throw new GuardianError('GRD_STORE_REFUSED', 'the work swallowed an error of its transaction: it was rolled back')
}

/** @returns why the connection cannot be used again, if so */
async function rollback(connection: Connection): Promise<Error | undefined> {
  try {
    await connection.query('ROLLBACK')
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
