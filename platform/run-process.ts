import { ConfigError } from './config.js'
import { readEnv, type Env } from './env.js'
import { Lifecycle } from './lifecycle.js'
import { createLogger, type Logger } from './logger.js'
import { redact } from './redact.js'

export interface ProcessContext {
  readonly life: Lifecycle
  /** For an error after which the process cannot go on: it ends with exit code 1, so that its supervisor starts it anew. */
  readonly onFatal: (cause: unknown) => void
}

/** What every process reads of its configuration for itself. */
export interface ProcessConfig {
  readonly LOG_LEVEL: string
  /** How long an orderly stop may take. */
  readonly SHUTDOWN_DEADLINE_MS: number
}

/**
 * Runs a process: reads its configuration, starts its parts, stops them in reverse on SIGTERM, SIGINT or SIGHUP or when
 * its supervisor's channel closes, and ends at once on an error that nobody has handled. State is never at stake: a kill
 * must be survivable.
 * @param name stands in every line of its log
 */
export async function runProcess<Config extends ProcessConfig>(
  name: string,
  configOf: (env: Env) => Config,
  start: (config: Config, log: Logger, context: ProcessContext) => Promise<void>,
): Promise<void> {
  const config = readConfig(configOf)
  const log = createLogger(name, config.LOG_LEVEL)
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
    life.stop(config.SHUTDOWN_DEADLINE_MS).then(
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
    await start(config, log, { life, onFatal })
  } catch (err) {
    onFatal(err)
  }
}

/** A configuration that is wrong is one line for a person, without a stack. */
function readConfig<Config>(configOf: (env: Env) => Config): Config {
  try {
    return configOf(readEnv())
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${redact(error.message)}\n`)
    process.exit(1)
  }
}
