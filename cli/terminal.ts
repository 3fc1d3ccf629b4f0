import type { Logger } from '../platform/logger.js'
import { createLogger } from '../platform/logger.js'
import { readEnv, type Env } from '../platform/env.js'
import { redact } from '../platform/redact.js'
import { errorCode, errorLine, UsageError } from './cli-error.js'

/** What a command gets: the environment, a log on standard error, and where its words and its result go. */
export interface Terminal {
  readonly env: Env
  readonly log: Logger
  /** Whether one JSON document is asked for on standard output. */
  readonly json: boolean
  /** A line for a person, on standard error. */
  readonly say: (line: string) => void
}

/** A person reads what a command says; the log speaks up when it is asked to, or when somebody must act. */
const DEFAULT_LOG_LEVEL = 'error'

/** What a command hands back. */
export interface CommandResult {
  /** The JSON document. */
  readonly document: object
  /** The same for a person: lines of standard output. */
  readonly lines: readonly string[]
  /** Whether it did all that it was asked to. */
  readonly complete: boolean
}

/**
 * Runs one command to its end: prints its result on standard output (with `--json` one JSON document, and nothing
 * else) and sets the exit code: 0 all done, 1 not, 2 wrong use. Errors are one line on standard error.
 */
export async function runCommand(
  options: { readonly json?: boolean },
  command: (terminal: Terminal) => Promise<CommandResult>,
): Promise<void> {
  const json = options.json === true
  const env = readEnv()
  try {
    const log = createLogger('cli', env['LOG_LEVEL'] ?? DEFAULT_LOG_LEVEL)
    const say = (line: string) => void process.stderr.write(`${redact(line)}\n`)
    const result = await command({ env, log, json, say })
    process.stdout.write(
      json ? `${JSON.stringify(result.document)}\n` : result.lines.map((line) => `${line}\n`).join(''),
    )
    process.exitCode = result.complete ? 0 : 1
  } catch (error) {
    const { stackHint } = await import('./doctor/stack-hint.js')
    const line = [errorLine(error), stackHint(error, env)].filter(Boolean).join(': ')
    process.stderr.write(`guardian: ${line}\n`)
    if (json) process.stdout.write(`${JSON.stringify({ error: line, code: errorCode(error) })}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  }
}

/** Aborts at the first SIGINT or SIGTERM, so that a command can end in order; the second one ends the process. */
export function interruption(): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController()
  const onSignal = () => {
    release()
    controller.abort()
  }
  const release = () => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return { signal: controller.signal, release }
}
