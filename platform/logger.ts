import { pino, type Logger as PinoLogger } from 'pino'
import { redact } from './redact.js'

export type Logger = PinoLogger

/** Fields that never reach a log line, down to `SECRET_DEPTH` objects inside one another. */
const SECRET_NAMES = ['password', 'token', 'authorization', 'cookie', 'apiKey', 'adminKey', 'url', 'connectionString']
const SECRET_DEPTH = 5
const WITHIN = Array.from({ length: SECRET_DEPTH }, (_, depth) => '*.'.repeat(depth))

/**
 * The process's logger: one JSON object a line on standard error, so that standard output stays free for results. Every
 * line goes through `redact` as it is written.
 * A line is an event name plus fields; ERROR means that a person must act.
 */
export function createLogger(process_: string, level: string): Logger {
  return pino(
    {
      level,
      base: { process: process_, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: redact },
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: WITHIN.flatMap((within) => SECRET_NAMES.map((name) => within + name)), censor: '[redacted]' },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}
