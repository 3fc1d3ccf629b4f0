import { setTimeout as sleep } from 'node:timers/promises'
import { NativeConnection } from '@temporalio/worker'
import { GuardianError } from '../../domain/errors.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'

export interface TemporalSettings {
  readonly address: string
  readonly namespace: string
  /** How often to try, and how long to wait in between. */
  readonly attempts: number
  readonly pauseMs: number
}

const REQUEST_TIMEOUT_MS = 5_000

/**
 * Connects to Temporal and makes sure that the namespace is there. Waits for a server that is still starting.
 * @throws GRD_TEMPORAL_UNAVAILABLE naming the address after the last attempt
 */
export async function connectTemporal(settings: TemporalSettings, log: Logger): Promise<Part<NativeConnection>> {
  const { address, namespace, attempts, pauseMs } = settings
  for (let attempt = 1; ; attempt += 1) {
    try {
      const connection = await openConnection(address, namespace)
      return { value: connection, stop: () => connection.close() }
    } catch (cause) {
      if (attempt === attempts) {
        const message = `Temporal at ${address} (namespace ${namespace}) did not answer in ${attempts} attempts`
        throw new GuardianError('GRD_TEMPORAL_UNAVAILABLE', message, { cause })
      }
      log.warn({ err: cause, address, attempt, attempts }, 'temporal_not_reachable_yet')
      await sleep(pauseMs)
    }
  }
}

async function openConnection(address: string, namespace: string): Promise<NativeConnection> {
  const connection = await NativeConnection.connect({ address })
  try {
    const describe = () => connection.workflowService.describeNamespace({ namespace })
    await connection.withDeadline(Date.now() + REQUEST_TIMEOUT_MS, describe)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}
