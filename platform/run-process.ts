import { ConfigError } from './config.js'
import { Lifecycle } from './lifecycle.js'
import type { Logger } from './logger.js'

export interface ProcessContext {
  readonly life: Lifecycle
  /** For an error after which the process cannot go on: it ends with exit code 1, so that its supervisor starts it anew. */
  readonly onFatal: (cause: unknown) => void
}

/** How long an orderly stop may take. */
export interface ProcessSettings {
  readonly log: Logger
  readonly shutdownDeadlineMs: number
}

/**
 * Runs a process: starts its parts, stops them in reverse on SIGTERM or SIGINT or when its supervisor's channel
 * closes, and ends at once on an error that nobody has handled. State is never at stake: a kill must be survivable.
 */
export async function runProcess(
  settings: () => ProcessSettings,
  start: (context: ProcessContext) => Promise<void>,
): Promise<void> {
  const { log, shutdownDeadlineMs } = readSettings(settings)
  const life = new Lifecycle()
  const onFatal = (err: unknown): void => {
    log.fatal({ err }, 'process_failed')
    process.exit(1)
  }
  process.on('uncaughtException', onFatal)
  process.on('unhandledRejection', onFatal)
  let stopping = false
  const stop = (signal: string): void => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'process_stopping')
    life.stop(shutdownDeadlineMs).then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, 'process_stop_incomplete')
        process.exit(1)
      },
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal))
  process.on('disconnect', () => stop('supervisor is gone'))
  try {
    await start({ life, onFatal })
  } catch (err) {
    onFatal(err)
  }
}

/** A configuration that is wrong is one line for a person, without a stack. */
function readSettings(settings: () => ProcessSettings): ProcessSettings {
  try {
    return settings()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}
