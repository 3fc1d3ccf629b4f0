import { readLetterStates } from '../../db/stores/dead-letter-fates.js'
import type { DeadLetter, DeadLetterFilter, DeadLetterState, isSelected } from '../../domain/dead-letters/replay.js'
import { GuardianError } from '../../domain/errors.js'
import { TOPICS } from '../../domain/events.js'
import { loadConfig } from '../../platform/config.js'
import { fetchOffsets } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { lastHeader } from '../../platform/kafka/last-header.js'
import { readRange, type RangeReader } from '../../platform/kafka/read-range.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../../platform/kafka/connection.js'
import { startProgress } from '../progress.js'
import type { Terminal } from '../terminal.js'
import { withDatabase } from '../with-database.js'

/** A dead letter as it is printed. */
export interface ListedLetter {
  readonly partition: number
  readonly offset: number
  readonly appended: string
  readonly code: string | null
  readonly topic: string | null
  readonly attempts: number
  /** What is wrong with it, in the detector's words. */
  readonly reason: string | null
  /** Null while PostgreSQL does not answer. */
  readonly state: DeadLetterState | null
}

type Found = DeadLetter & { readonly reason: string | null }

/** Reads the dead letters from Kafka and keeps the newest that are selected, in the order in which they came. */
export async function listDeadLetters(
  terminal: Terminal,
  filter: DeadLetterFilter,
  limit: number,
  selects: typeof isSelected,
): Promise<{ letters: ListedLetter[]; selected: number }> {
  const { env, log } = terminal
  const config = loadConfig(
    [...KAFKA_CONNECTION_VARIABLES, 'KAFKA_REQUEST_TIMEOUT_MS', 'FETCH_MAX_UNPACKED_BYTES'],
    env,
  )
  const { KAFKA_REQUEST_TIMEOUT_MS: requestTimeoutMs } = config
  const kafka = createKafka({ ...kafkaConnection(config), clientId: 'guardian-cli', requestTimeoutMs }, log)
  const found: Found[] = []
  let [read, selected] = [0, 0]
  const parts = await fetchOffsets(kafka, TOPICS.deadLetters)
  const total = parts.reduce((sum, { low, high }) => sum + high - low, 0)
  const progress = startProgress('reading', total, process.stderr)
  try {
    for (const { partition, low, high } of parts)
      await readRange(
        kafka,
        { topic: TOPICS.deadLetters, partition, from: low, to: high },
        {
          maxUnpackedBytes: config.FETCH_MAX_UNPACKED_BYTES,
          idleTimeoutMs: 3 * requestTimeoutMs,
          onRecords: (records) => {
            const wanted = records.map((record) => letterOf(partition, record)).filter((one) => selects(filter, one))
            read += records.length
            selected += wanted.length
            for (const one of wanted) found.push(one)
            if (found.length > 2 * limit) keepNewest(found, limit)
            progress.update({ done: read, records: read, note: `${selected} selected` })
            return Promise.resolve()
          },
        },
      )
  } finally {
    progress.stop()
  }
  keepNewest(found, limit)
  const states = await statesOf(terminal, found)
  return { selected, letters: found.map((letter) => listed(letter, states)) }
}

type LogRecord = Parameters<RangeReader['onRecords']>[0][number]

const letterOf = (partition: number, { offset, timestamp, headers }: LogRecord): Found => ({
  ...{ partition, offset: Number(offset), appendMs: Number(timestamp) },
  code: lastHeader(headers, 'guardian.error.code'),
  topic: lastHeader(headers, '__connect.errors.topic'),
  attempts: Number(lastHeader(headers, 'guardian.replay.attempt') ?? 0),
  reason: lastHeader(headers, '__connect.errors.exception.message') ?? null,
})

function keepNewest(letters: Found[], limit: number): void {
  letters.sort((a, b) => a.appendMs - b.appendMs || a.partition - b.partition || a.offset - b.offset)
  letters.splice(0, Math.max(0, letters.length - limit))
}

/** The list is needed most while something is away: without PostgreSQL it lacks the states. */
async function statesOf(terminal: Terminal, letters: readonly Found[]) {
  try {
    return await withDatabase(terminal, (db) => readLetterStates(db, letters))
  } catch (error) {
    if (!(error instanceof GuardianError) || error.code !== 'GRD_STORE_UNAVAILABLE') throw error
    terminal.say('PostgreSQL does not answer: the states of the dead letters are unknown')
    return undefined
  }
}

const listed = (
  { appendMs, code, topic, ...letter }: Found,
  states: ReadonlyMap<string, DeadLetterState> | undefined,
): ListedLetter => ({
  ...letter,
  appended: new Date(appendMs).toISOString(),
  code: code ?? null,
  topic: topic ?? null,
  state: states === undefined ? null : (states.get(`${letter.partition}@${letter.offset}`) ?? 'dead'),
})
