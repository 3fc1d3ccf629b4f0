import { Client, Connection } from '@temporalio/client'
import { GuardianError } from '../domain/errors.js'
import { loadConfig } from '../platform/config.js'
import type { Terminal } from './terminal.js'

const CONNECT_TIMEOUT_MS = 5_000

/**
 * Runs a command's work with a connection to Temporal that is always closed.
 * @throws ConfigError; GRD_TEMPORAL_UNAVAILABLE naming the address
 */
export async function withTemporal<T>(
  { env }: Pick<Terminal, 'env'>,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = loadConfig(
    ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE'],
    env,
  )
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT_MS }).catch(
    (cause: unknown) => {
      throw new GuardianError('GRD_TEMPORAL_UNAVAILABLE', `Temporal at ${address} does not answer`, { cause })
    },
  )
  try {
    return await work(new Client({ connection, namespace }))
  } finally {
    await connection.close()
  }
}
