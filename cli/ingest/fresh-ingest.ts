import { setTimeout as sleep } from 'node:timers/promises'
import { TOPICS } from '../../domain/events.js'
import { FRESH_LOG_NAME, freshLogOf, type FreshLog } from '../../domain/fresh-log.js'
import { openPool, type Database } from '../../db/pool.js'
import { poolSettings } from '../../db/pool-settings.js'
import {
  countFreshAnomalies,
  createFreshLog,
  lockFreshLog,
  readFreshLogState,
  type FreshLogState,
} from '../../db/stores/fresh-logs.js'
import { loadConfig } from '../../platform/config.js'
import { ensureTopics, fetchOffsets } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../../platform/kafka/connection.js'
import { readTopicShape } from '../../platform/kafka/topic-admin.js'
import type { Lifecycle } from '../../platform/lifecycle.js'
import { freshLogSpecs } from '../../schemas/topics.js'
import { UsageError } from '../cli-error.js'
import { openEventSender, type EventSender } from '../event-sender.js'
import { startProgress } from '../progress.js'
import type { Terminal } from '../terminal.js'
import { startFreshDetector, type FreshDetector } from './fresh-detector.js'

/** What became of the lines that were sent, and where to look. */
export interface FreshOutcome {
  readonly document: Readonly<Record<string, unknown>>
  readonly lines: readonly string[]
  /** For the last line. */
  readonly summary: string
  /** Whether the detector has decided all of the log, and accepted what it could. */
  readonly complete: boolean
}

/** A fresh log that is open for lines. */
export interface FreshIngest {
  /** Puts clicks in the topic of the fresh log; no report counts them. */
  readonly sender: EventSender
  /** Waits until all of the log is decided, or the signal. @throws when its detector cannot go on, or makes no progress */
  readonly finish: (signal: AbortSignal) => Promise<FreshOutcome>
}

const POLL_MS = 200

/** @throws UsageError when it can be none */
export function freshLogNamed(name: string): FreshLog {
  if (FRESH_LOG_NAME.test(name)) return freshLogOf(name)
  throw new UsageError(`${name} is no name of a fresh log: 1 to 40 lower-case letters, digits and single hyphens`)
}

/**
 * Makes the topics and tables of a fresh log, unless they exist, and starts its detector.
 * @throws GRD_BAD_INPUT when there are too many; GRD_STORE_*; PlatformError
 */
export async function openFreshIngest(log: FreshLog, life: Lifecycle, terminal: Terminal): Promise<FreshIngest> {
  const config = freshConfig(terminal)
  const { KAFKA_REQUEST_TIMEOUT_MS: requestTimeoutMs } = config
  const kafka = createKafka({ ...kafkaConnection(config), clientId: 'guardian-fresh', requestTimeoutMs }, terminal.log)
  const db = await life.use('PostgreSQL pool', () => openFreshPool(terminal))
  await life.use('lock', () => holdFreshLog(db, log))
  const isNew = await createFreshLog(db, log, config.FRESH_LOGS_MAX)
  const shape = await readTopicShape(kafka, TOPICS.clicks)
  const minInsyncReplicas = shape.replicationFactor > 2 ? 2 : 1
  const policy = { ...shape, minInsyncReplicas, maxRecordBytes: config.MAX_RECORD_BYTES }
  await ensureTopics(kafka, freshLogSpecs(policy, log), terminal.log)
  const rows = await life.use('PostgreSQL pool of the log', () => openFreshPool(terminal, log))
  const before = await readFreshLogState(rows, log)
  if (!isNew) terminal.say(`${log.topic} exists: the lines are added to it`)
  const detector = await life.use('detector', () => Promise.resolve(startFreshDetector(log, terminal.env)))
  // Without a database nobody is told what was sent: completeness does not count a fresh log.
  const untold = { ...terminal, env: { ...terminal.env, DATABASE_URL: undefined, DATABASE_URL_FILE: undefined } }
  const sender = await openEventSender('ingest', [log.topic], life, untold)
  return {
    sender: { ...sender, place: (_topic, ...record) => sender.place(log.topic, ...record) },
    finish: async (signal) => {
      const ends = await fetchOffsets(kafka, log.topic)
      const waiting = { rows, log, detector, ends, boundMs: 2 * config.PROGRESS_TIMEOUT_MS }
      const isDecided = await awaitDecided(waiting, signal)
      await detector.stop()
      return outcomeOf(log, {
        before,
        after: await readFreshLogState(rows, log),
        anomalies: await countFreshAnomalies(rows),
        isDecided,
        wasEmpty: sender.isLogEmpty,
      })
    },
  }
}

const freshConfig = ({ env }: Terminal) =>
  loadConfig(
    [
      ...KAFKA_CONNECTION_VARIABLES,
      ...(['KAFKA_REQUEST_TIMEOUT_MS', 'MAX_RECORD_BYTES', 'FRESH_LOGS_MAX', 'PROGRESS_TIMEOUT_MS'] as const),
    ],
    env,
  )

/** @param log whose tables come first; those of the live log without it */
export function openFreshPool({ env, log: logger }: Terminal, log?: FreshLog) {
  const names = ['DATABASE_URL', 'PG_CONNECT_TIMEOUT_MS', 'PG_STATEMENT_TIMEOUT_MS', 'PG_LOCK_TIMEOUT_MS'] as const
  const settings = poolSettings({ ...loadConfig(names, env), PG_POOL_MAX: 2 }, 'guardian-cli')
  return openPool({ ...settings, ...(log && { schema: log.schema }) }, logger)
}

/** Nobody else fills or removes the log until it is given back. @throws UsageError when somebody does */
export async function holdFreshLog(db: Database, log: FreshLog) {
  const connection = await db.checkOut()
  const stop = () => {
    connection.release(new Error('closed, which gives the lock back'))
    return Promise.resolve()
  }
  if (await lockFreshLog(connection, log)) return { value: undefined, stop }
  await stop()
  throw new UsageError(`the fresh log ${log.name} is being read or removed by another command`)
}

interface Waiting {
  readonly rows: Database
  readonly log: FreshLog
  readonly detector: FreshDetector
  readonly ends: readonly { readonly partition: number; readonly high: number }[]
  /** How long the detector may make no progress. */
  readonly boundMs: number
}

/** @returns false when the signal came first @throws when the detector has ended, or makes no progress */
async function awaitDecided({ rows, log, detector, ends, boundMs }: Waiting, signal: AbortSignal): Promise<boolean> {
  const total = ends.reduce((sum, { high }) => sum + high, 0)
  const progress = startProgress('detector', total, process.stderr)
  let done = -1
  let movedAt = performance.now()
  try {
    while (!signal.aborted) {
      detector.assertRunning()
      const { nextOffsets } = await readFreshLogState(rows, log)
      const now = ends.reduce((sum, { partition, high }) => sum + Math.min(high, nextOffsets.get(partition) ?? 0), 0)
      progress.update({ done: now, records: now, note: `of ${total} decided` })
      if (now >= total) return true
      if (now > done) [done, movedAt] = [now, performance.now()]
      else if (performance.now() - movedAt > boundMs)
        throw new Error(
          `the detector of ${log.topic} has made no progress for ${boundMs} ms, at ${now} of ${total} records`,
        )
      await sleep(POLL_MS)
    }
    return false
  } finally {
    progress.stop()
  }
}

const FATES = ['accepted', 'duplicate', 'late', 'dead'] as const

interface Decided {
  readonly before: FreshLogState
  readonly after: FreshLogState
  /** By status. */
  readonly anomalies: Readonly<Record<string, number>>
  readonly isDecided: boolean
  /** Whether the topic had no record before the command. */
  readonly wasEmpty: boolean
}

function outcomeOf(
  { name, topic, deadLetters }: FreshLog,
  { before, after, anomalies, isDecided, wasEmpty }: Decided,
): FreshOutcome {
  const decided = Object.fromEntries(FATES.map((fate) => [fate, after[fate] - before[fate]]))
  const total = Object.values(anomalies).reduce((sum, count) => sum + count, 0)
  const byStatus = Object.entries(anomalies).map(([status, count]) => `${count} ${status}`)
  const { late = 0, dead = 0 } = decided
  return {
    document: { fresh: { name, topic, complete: isDecided, decided, anomalies: { total, ...anomalies } } },
    lines: [
      `anomalies of ${topic}: ${total}${total > 0 ? ` (${byStatus.join(', ')})` : ''}: GET /anomalies?topic=${topic}`,
      `no KPI, alert, hold or completeness figure counts them; guardian ingest --drop ${name} removes them and the topic`,
      ...(late > 0 ? [`${late} events are ${wasEmpty ? TOO_LATE : LATE}`] : []),
      ...(dead > 0 ? [`${dead} events are dead letters, in ${deadLetters}`] : []),
      ...(isDecided ? [] : ['not all of it is decided: repeat the command to continue']),
    ],
    summary: `the detector decided ${FATES.map((fate) => `${String(decided[fate])} ${fate}`).join(', ')}`,
    // Read again, a log is late where the fresh log has it already: that is no fault.
    complete: isDecided && dead === 0 && (late === 0 || !wasEmpty),
  }
}

const LATE = 'late: the fresh log has them already, or is past them. To see their anomalies, give them another --name'
const TOO_LATE = 'late: they are out of order by more than ALLOWED_LATENESS_MS; a larger --reorder puts them in order'
