import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { findIngestedLogs, recordIngestedLog, type IngestedLog } from '../../db/stores/ingested-logs.js'
import { errorLine } from '../cli-error.js'
import type { Terminal } from '../terminal.js'
import { withDatabase } from '../with-database.js'
import { openLog, type LogSource } from './log-source.js'
import { serverNameOf } from './server-name.js'
import { isGiven } from '../../platform/variable-text.js'

/** A file, whose log it is, and what is known of it. */
export interface KnownLog {
  readonly file: string
  readonly server: string
  /** SHA-256 of its first line, hex; undefined for a log without a whole line. */
  readonly headHash: string | undefined
  /** Up to which event time it was ingested before. */
  readonly readToMs: number | undefined
}

/** A log that is open. */
export interface OpenedLog {
  readonly file: string
  readonly source: LogSource
}

/**
 * Whose log each one is: `server` where it is given, else the file's name without what rotation appended. A file that was
 * renamed since it was ingested into `topic` keeps its server, and standard input is the log that begins with the same line; the
 * first line tells.
 */
export async function identifyLogs(
  logs: readonly OpenedLog[],
  server: string | undefined,
  topic: string | undefined,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<KnownLog[]> {
  const heads = new Map<string, string | undefined>()
  for (const { file, source } of logs) heads.set(file, hashOf(await source.firstLine(signal)))
  const hashes = [...heads.values()].filter((hash) => hash !== undefined)
  const known = await knownLogs(hashes, topic, terminal)
  return Promise.all(
    logs.map(async ({ file }): Promise<KnownLog> => {
      const headHash = heads.get(file)
      const same = known.filter((log) => log.headHash === headHash)
      const name = server ?? serverNameOf(file)
      const isKnown = server !== undefined || same.some((log) => log.server === name)
      const earlier = isKnown ? undefined : file === '-' ? same[0] : await renamedFrom(same, signal)
      if (earlier !== undefined)
        terminal.say(
          `${file}: begins as ${earlier.path} did: read as server ${earlier.server} (--server to say otherwise)`,
        )
      const logServer = earlier?.server ?? name
      const readTo = same.find((log) => log.server === logServer)?.readTo
      return { file, server: logServer, headHash, readToMs: readTo?.getTime() }
    }),
  )
}

/** Of the logs with this first line, the one whose file is not where it was: it was renamed. */
async function renamedFrom(same: readonly IngestedLog[], signal: AbortSignal): Promise<IngestedLog | undefined> {
  for (const log of same) {
    if (log.host !== hostname()) continue
    const now = await headHashOf(log.path, signal).catch(() => undefined)
    if (now !== log.headHash) return log
  }
  return undefined
}

/** Without a database nothing is known, and a renamed file counts as another server's. */
async function knownLogs(
  hashes: readonly string[],
  topic: string | undefined,
  terminal: Terminal,
): Promise<IngestedLog[]> {
  if (topic === undefined || hashes.length === 0 || !hasDatabase(terminal)) return []
  try {
    return await withDatabase(terminal, (db) => findIngestedLogs(db, topic, hashes))
  } catch (error) {
    terminal.say(`whether a file was renamed is not known: ${errorLine(error)}`)
    return []
  }
}

/** Records to where the logs were read. */
export async function recordLogs(
  logs: readonly KnownLog[],
  topic: string | undefined,
  readToMs: number | undefined,
  terminal: Terminal,
): Promise<void> {
  if (topic === undefined || readToMs === undefined || !hasDatabase(terminal)) return
  const readTo = new Date(readToMs)
  try {
    await withDatabase(terminal, async (db) => {
      for (const { file, server, headHash } of logs)
        if (headHash !== undefined && file !== '-')
          await recordIngestedLog(db, { topic, server, headHash, host: hostname(), path: resolve(file), readTo })
    })
  } catch (error) {
    terminal.say(`that the logs were read could not be recorded: ${errorLine(error)}`)
  }
}

const hasDatabase = ({ env }: Terminal): boolean => isGiven('DATABASE_URL', env)

async function headHashOf(file: string, signal: AbortSignal): Promise<string | undefined> {
  const source = await openLog(file, Readable.from([]))
  try {
    return hashOf(await source.firstLine(signal))
  } finally {
    source.close()
  }
}

const hashOf = (line: Buffer | undefined): string | undefined =>
  line === undefined ? undefined : createHash('sha256').update(line).digest('hex')
