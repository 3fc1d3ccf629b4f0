import { pino, type Logger as PinoLogger } from 'pino'

export type Logger = PinoLogger

/** Fields that never reach a log line, wherever they stand in an object. */
const SECRET_PATHS = ['password', 'token', 'authorization', 'cookie', 'apiKey', 'adminKey', 'url', 'connectionString']

/**
 * The process's logger: one JSON object a line on standard error, so that standard output stays free for results.
 * A line is an event name plus fields; ERROR means that a person must act.
 */
export function createLogger(process_: string, level: string): Logger {
  return pino(
    {
      level,
      base: { process: process_, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_PATHS.flatMap((path) => [path, `*.${path}`]), censor: '[redacted]' },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}
