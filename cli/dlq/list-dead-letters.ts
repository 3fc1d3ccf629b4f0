import type { DeadLetter, DeadLetterFilter, isSelected } from '../../domain/dead-letters/replay.js'
import { TOPICS } from '../../domain/events.js'
import { loadConfig } from '../../platform/config.js'
import { fetchOffsets } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { lastHeader } from '../../platform/kafka/last-header.js'
import { readRange, type RangeReader } from '../../platform/kafka/read-range.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../../platform/kafka/connection.js'
import { startProgress } from '../progress.js'
import type { Terminal } from '../terminal.js'

/** A dead letter as it is printed. */
export interface ListedLetter {
  readonly partition: number
  readonly offset: number
  readonly appended: string
  readonly code: string | null
  readonly topic: string | null
  readonly attempts: number
}

/** Reads the dead letters from Kafka and keeps the newest that are selected, in the order in which they came. */
export async function listDeadLetters(
  { env, log }: Terminal,
  filter: DeadLetterFilter,
  limit: number,
  selects: typeof isSelected,
): Promise<{ letters: ListedLetter[]; selected: number }> {
  const config = loadConfig(
    [...KAFKA_CONNECTION_VARIABLES, 'KAFKA_REQUEST_TIMEOUT_MS', 'FETCH_MAX_UNPACKED_BYTES'],
    env,
  )
  const { KAFKA_REQUEST_TIMEOUT_MS: requestTimeoutMs } = config
  const kafka = createKafka({ ...kafkaConnection(config), clientId: 'guardian-cli', requestTimeoutMs }, log)
  const found: DeadLetter[] = []
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
  return { selected, letters: found.map(listed) }
}

type LogRecord = Parameters<RangeReader['onRecords']>[0][number]

const letterOf = (partition: number, { offset, timestamp, headers }: LogRecord): DeadLetter => ({
  ...{ partition, offset: Number(offset), appendMs: Number(timestamp) },
  code: lastHeader(headers, 'guardian.error.code'),
  topic: lastHeader(headers, '__connect.errors.topic'),
  attempts: Number(lastHeader(headers, 'guardian.replay.attempt') ?? 0),
})

function keepNewest(letters: DeadLetter[], limit: number): void {
  letters.sort((a, b) => a.appendMs - b.appendMs || a.partition - b.partition || a.offset - b.offset)
  letters.splice(0, Math.max(0, letters.length - limit))
}

const listed = ({ appendMs, code, topic, ...letter }: DeadLetter): ListedLetter => ({
  ...letter,
  appended: new Date(appendMs).toISOString(),
  code: code ?? null,
  topic: topic ?? null,
})
