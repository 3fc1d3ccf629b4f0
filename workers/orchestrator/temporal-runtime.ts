import { createServer, type AddressInfo } from 'node:net'
import { DefaultLogger, makeTelemetryFilterString, Runtime, type LogLevel } from '@temporalio/worker'
import type { Logger } from '../../platform/logger.js'
import { Registry } from '../../platform/metrics.js'

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const

/** Sends the SDK's log lines to ours. Its meta holds workflow ids and task queues, never payloads. */
const forwardTo = (log: Logger, level: LogLevel): DefaultLogger =>
  new DefaultLogger(level, ({ level: at, message, meta }) => {
    // An error of the SDK is retried by the SDK; a person must act only when the process gives up.
    const line = { message, ...meta }
    if (LEVELS[at] === 'error') log.warn(line, 'temporal_sdk')
    else log[LEVELS[at]](line, 'temporal_sdk')
  })

/**
 * Sets the SDK's one runtime up, once per process, before any worker: its logs go to ours, its own metrics are offered
 * on a port of this machine, and signals stay ours.
 * @returns where the SDK offers its metrics
 */
export async function installRuntime(log: Logger): Promise<string> {
  const bindAddress = `127.0.0.1:${await freePort()}`
  Runtime.install({
    logger: forwardTo(log, 'INFO'),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'WARN' }), forward: {} },
      metrics: {
        prometheus: { bindAddress, unitSuffix: true, countersTotalSuffix: true, useSecondsForDurations: true },
      },
    },
  })
  return `http://${bindAddress}/metrics`
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close((error) => (error === undefined ? resolve(port) : reject(error)))
    })
  })
}

const SCRAPE_DEADLINE_MS = 1_000

/** Our metrics and the SDK's as one text, so that a process has one port to scrape. */
export class MergedRegistry extends Registry {
  /** Ours alone: new metrics are registered here. */
  readonly own: Registry
  readonly #sdkUrl: string

  constructor(own: Registry, sdkUrl: string) {
    super()
    this.own = own
    this.#sdkUrl = sdkUrl
  }

  override async metrics(): Promise<string> {
    const response = await fetch(this.#sdkUrl, { signal: AbortSignal.timeout(SCRAPE_DEADLINE_MS) })
    return `${await this.own.metrics()}\n${await response.text()}`
  }
}
