import { Command } from 'commander'
import type { Database } from '../db/pool.js'
import { beginLog, readStandingPositions, type StandingPosition } from '../db/stores/topic-logs.js'
import { TOPICS } from '../domain/events.js'
import { whyAnotherLog } from '../domain/log-identity.js'
import { loadConfig } from '../platform/config.js'
import { openAdmin, type LogAdmin } from '../platform/kafka/admin.js'
import { createKafka } from '../platform/kafka/client.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../platform/kafka/connection.js'
import { UsageError } from './cli-error.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'
import { withDatabase } from './with-database.js'

const READ = [TOPICS.clicks, TOPICS.purchases] as const

/** `guardian new-log`: what to do when a topic was deleted and made anew. */
export const newLogCommand = (): Command =>
  new Command('new-log')
    .description(
      'a topic was deleted and made anew: read it from its beginning, beside what is archived of the log before',
    )
    .argument('<topic>', READ.join(' or '))
    .option('--json', 'print one JSON document')
    .action((topic: string, words: { json?: boolean }) => runCommand(words, (terminal) => newLog(terminal, topic)))

async function newLog(terminal: Terminal, topic: string): Promise<CommandResult> {
  if (!READ.some((one) => one === topic)) throw new UsageError(`${topic} is none of ${READ.join(', ')}`)
  const config = loadConfig([...KAFKA_CONNECTION_VARIABLES, 'KAFKA_REQUEST_TIMEOUT_MS'], terminal.env)
  const { KAFKA_REQUEST_TIMEOUT_MS: requestTimeoutMs } = config
  const kafka = createKafka(
    { ...kafkaConnection(config), clientId: 'guardian-new-log', requestTimeoutMs },
    terminal.log,
  )
  const { value: admin, stop } = await openAdmin(kafka)
  try {
    return await withDatabase(terminal, (db) => begin(db, admin, topic))
  } finally {
    await stop()
  }
}

/** Nothing is changed while nothing says that it is another log: the same one would be archived twice. */
async function begin(db: Database, admin: LogAdmin, topic: string): Promise<CommandResult> {
  const reasons = await reasonsOf(admin, topic, await readStandingPositions(db, topic))
  if (reasons.length === 0)
    throw new UsageError(`${topic} may well be the log that its checkpoints stand on: nothing is changed`)
  const log = await beginLog(db, topic)
  return {
    document: { topic, log, reasons },
    lines: [...reasons, `${topic}: detector and archiver read log ${log} from its beginning when they start`],
    complete: true,
  }
}

async function reasonsOf(admin: LogAdmin, topic: string, positions: readonly StandingPosition[]): Promise<string[]> {
  const ends = new Map((await admin.offsets(topic)).map((offsets) => [offsets.partition, offsets]))
  const reasons = new Set<string>()
  for (const stored of positions) {
    const { partition, lastAppendTs, nextOffset } = stored
    const { low, high } = ends.get(partition) ?? { low: 0, high: 0 }
    const firstLater =
      lastAppendTs === null ? undefined : (await admin.offsetsAt(topic, lastAppendTs.getTime() + 1)).get(partition)
    const why = whyAnotherLog(stored, { low, high, firstLater })
    if (why !== undefined) reasons.add(`partition ${partition} was read up to ${nextOffset}, but ${why}`)
  }
  return [...reasons]
}
