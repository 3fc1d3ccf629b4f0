import { setTimeout as sleep } from 'node:timers/promises'
import { NativeConnection } from '@temporalio/worker'
import { GuardianError } from '../../domain/errors.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'
import { explainTemporal, temporalOptions, type TemporalConnection } from '../../platform/temporal-connection.js'

export interface TemporalSettings extends TemporalConnection {
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
      const connection = await openConnection(settings)
      return { value: connection, stop: () => connection.close() }
    } catch (cause) {
      const reason = await explainTemporal(cause, settings)
      if (attempt === attempts) {
        const message = `Temporal at ${address} (namespace ${namespace}) did not answer in ${attempts} attempts`
        const text = reason === undefined ? message : `${message}: ${reason}`
        throw new GuardianError('GRD_TEMPORAL_UNAVAILABLE', text, { cause })
      }
      log.warn({ err: cause, address, reason, attempt, attempts }, 'temporal_not_reachable_yet')
      await sleep(pauseMs)
    }
  }
}

async function openConnection(settings: TemporalConnection): Promise<NativeConnection> {
  const { namespace } = settings
  const connection = await NativeConnection.connect(temporalOptions(settings))
  try {
    const describe = () => connection.workflowService.describeNamespace({ namespace })
    await connection.withDeadline(Date.now() + REQUEST_TIMEOUT_MS, describe)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}
