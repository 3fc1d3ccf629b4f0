import type { FateDeps, PutAside } from '../../activities/dead-letters/fate-activities.js'
import type { LogEnd, ReplayableLetter, ReplayDeps } from '../../activities/dead-letters/replay-activities.js'
import type { Database } from '../../db/pool.js'
import { readPositions } from '../../db/read-models/alert-watch.js'
import { readFateCounts, storeFates } from '../../db/stores/dead-letter-fates.js'
import { replayedAmong, replaySummary, storeReplayResults } from '../../db/stores/dead-letter-replays.js'
import { REPLAY_ID_HEADER, type DeadLetterFilter } from '../../domain/dead-letters/replay.js'
import { faultOf } from '../../domain/events/event-fault.js'
import { TOPICS } from '../../domain/events.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { offsetsAt, topicOffsets, withAdmin } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { lastHeader, withoutLast } from '../../platform/kafka/last-header.js'
import { startProducer, type OutgoingRecord, type Producer } from '../../platform/kafka/producer.js'
import { readRange, type RangeReader } from '../../platform/kafka/read-range.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'
import { kafkaConnection } from '../../platform/kafka/connection.js'
import { registrySettings } from '../../platform/avro/registry-connection.js'
import { OBSERVED_EVENT_SCHEMA } from '../../schemas/avro-schemas.js'
import { EventDecoder } from '../detector/event-decoder.js'
import type { OrchestratorConfig } from './orchestrator-config.js'

/** Sent back, and stored, at once. */
const CHUNK = 200

/** A replay often follows the registration of the schema that was missing. */
const RECHECK_MS = 500

/** What makes a record a dead letter; a record goes back without it. */
const OUR_HEADERS = [
  ...['topic', 'partition', 'offset', 'stage', 'exception.class.name', 'exception.message'].map(
    (name) => `__connect.errors.${name}`,
  ),
  'guardian.error.code',
]
const ATTEMPT = 'guardian.replay.attempt'
/** The dead letter that was sent back, as `partition@offset`. */
const REPLAY_OF = 'guardian.replay.of'

type Kafka = ReturnType<typeof createKafka>
type LogRecord = Parameters<RangeReader['onRecords']>[0][number]

/** What a replay works on. The producer connects when the first record is to be sent back. */
export function openReplay(config: OrchestratorConfig, db: Database, log: Logger): Part<ReplayDeps & FateDeps> {
  const requestTimeoutMs = config.KAFKA_REQUEST_TIMEOUT_MS
  const kafka = createKafka({ ...kafkaConnection(config), clientId: 'guardian-replay', requestTimeoutMs }, log)
  let producer: Promise<Part<Producer>> | undefined
  const deps: ReplayDeps & FateDeps = {
    deadLetterRanges: (filter) => rangesOf(kafka, filter),
    readLetters: (range, onLetters) => {
      // Schemas are asked for anew: one that was unknown to an earlier replay may be registered by now.
      const judge = new Judge(config)
      return readRange(
        kafka,
        { topic: TOPICS.deadLetters, ...range },
        {
          maxUnpackedBytes: config.FETCH_MAX_UNPACKED_BYTES,
          idleTimeoutMs: 3 * requestTimeoutMs,
          onRecords: async (records) => {
            for (let at = 0; at < records.length; at += CHUNK)
              await onLetters(await judge.lettersOf(range.partition, records.slice(at, at + CHUNK)))
          },
        },
      )
    },
    replayedAmong: (letters) => replayedAmong(db, letters),
    replaySummary: (replayId) => replaySummary(db, replayId),
    originEnds: () => originEnds(kafka),
    decidedUpTo: async () => {
      const positions = await readPositions(db, 'detector')
      return new Map(positions.map((one) => [`${one.topic}/${one.kafkaPartition}`, one.nextOffset]))
    },
    readPutAside: (topic, replayId, since) => readPutAside(kafka, config, topic, replayId, since),
    storeFates: (replayId, returned) => storeFates(db, replayId, returned),
    readFateCounts: (replayId) => readFateCounts(db, replayId),
    storeResults: (replayId, results) => storeReplayResults(db, replayId, results),
    sendBack: async (replayId, letters) => {
      if (letters.length === 0) return
      producer ??= startProducer(kafka, { deliveryTimeoutMs: 30_000 }, log)
      const { value } = await producer.catch((error: unknown) => {
        producer = undefined
        throw error
      })
      await value.send(letters.map((letter) => sentBack(letter, replayId)))
    },
  }
  return { value: deps, stop: async () => (await producer?.catch(() => undefined))?.stop() }
}

async function rangesOf(kafka: Kafka, { fromMs, record }: DeadLetterFilter) {
  const topic = TOPICS.deadLetters
  return withAdmin(kafka, async (admin) => {
    const starts = fromMs === undefined ? undefined : await offsetsAt(admin, topic, fromMs)
    const whole = (await topicOffsets(admin, topic)).map(({ partition, low, high }) => ({
      partition,
      from: Math.max(low, starts?.get(partition) ?? low),
      to: high,
    }))
    if (record === undefined) return whole
    return whole
      .filter(({ partition }) => partition === record.partition)
      .map(({ partition, from, to }) => ({
        partition,
        from: Math.max(from, record.offset),
        to: Math.min(to, record.offset + 1),
      }))
  })
}

const sentBack = (
  { topic, partition, offset, attempts, record }: ReplayableLetter,
  replayId: string,
): OutgoingRecord => {
  const { key, value, headers } = record as LogRecord
  const own = withoutLast(headers, [...OUR_HEADERS, ATTEMPT, REPLAY_ID_HEADER, REPLAY_OF])
  const ours = { [REPLAY_ID_HEADER]: replayId, [REPLAY_OF]: `${partition}@${offset}`, [ATTEMPT]: String(attempts + 1) }
  return { topic: topic ?? '', key, value, headers: { ...own, ...ours } }
}

const originEnds = (kafka: Kafka): Promise<LogEnd[]> =>
  withAdmin(kafka, async (admin) => {
    const ends: LogEnd[] = []
    for (const topic of [TOPICS.clicks, TOPICS.purchases])
      for (const { partition, high } of await topicOffsets(admin, topic)) ends.push({ topic, partition, offset: high })
    return ends
  })

/** Brokers append by clocks of their own. */
const SKEW_MS = 60_000

async function readPutAside(
  kafka: Kafka,
  config: OrchestratorConfig,
  topic: string,
  replayId: string,
  since: Date,
): Promise<PutAside[]> {
  const found: PutAside[] = []
  const parts = await withAdmin(kafka, async (admin) => {
    const starts = await offsetsAt(admin, topic, since.getTime() - SKEW_MS)
    return (await topicOffsets(admin, topic)).map(({ partition, low, high }) => ({
      ...{ topic, partition, from: Math.max(low, starts.get(partition) ?? low), to: high },
    }))
  })
  for (const part of parts)
    await readRange(kafka, part, {
      maxUnpackedBytes: config.FETCH_MAX_UNPACKED_BYTES,
      idleTimeoutMs: 3 * config.KAFKA_REQUEST_TIMEOUT_MS,
      onRecords: (records) => {
        for (const { headers } of records) {
          const of = /^(\d{1,6})@(\d{1,15})$/.exec(lastHeader(headers, REPLAY_OF) ?? '')
          if (of === null || lastHeader(headers, REPLAY_ID_HEADER) !== replayId) continue
          const code = lastHeader(headers, 'guardian.error.code') ?? null
          found.push({ partition: Number(of[1]), offset: Number(of[2]), code })
        }
        return Promise.resolve()
      },
    })
  return found
}

/** Decides as the detector would now, by the same decoder and the same checks. */
class Judge {
  readonly #decoders: ReadonlyMap<string, EventDecoder>
  readonly #maxFutureSkewMs: number

  constructor(config: OrchestratorConfig) {
    const schemas = new RegistryClient(registrySettings(config))
    const decoder = (name: 'Click' | 'Purchase') =>
      new EventDecoder(OBSERVED_EVENT_SCHEMA(name), {
        schemaById: (id) => schemas.schemaById(id),
        maxRecordBytes: config.MAX_RECORD_BYTES,
        recheckMs: RECHECK_MS,
      })
    this.#decoders = new Map([
      [TOPICS.clicks, decoder('Click')],
      [TOPICS.purchases, decoder('Purchase')],
    ])
    this.#maxFutureSkewMs = config.MAX_FUTURE_SKEW_MS
  }

  async lettersOf(partition: number, records: readonly LogRecord[]): Promise<ReplayableLetter[]> {
    const letters: ReplayableLetter[] = []
    for (const record of records) {
      const topic = lastHeader(record.headers, '__connect.errors.topic')
      const decoder = this.#decoders.get(topic ?? '')
      letters.push({
        ...{ partition, offset: Number(record.offset), appendMs: Number(record.timestamp), topic, record },
        code: lastHeader(record.headers, 'guardian.error.code'),
        attempts: attemptsOf(record),
        hasOrigin: decoder !== undefined,
        fault: decoder === undefined ? undefined : await this.#faultOf(decoder, record.value),
      })
    }
    return letters
  }

  async #faultOf(decoder: EventDecoder, value: Buffer | null): Promise<string | undefined> {
    for (const id of decoder.missingIds([value])) await decoder.learn(id)
    const { event, fault } = decoder.decode(value)
    return event === undefined ? fault.code : faultOf(event, Date.now(), this.#maxFutureSkewMs)?.code
  }
}

function attemptsOf({ headers }: LogRecord): number {
  const text = lastHeader(headers, ATTEMPT) ?? ''
  return /^\d{1,6}$/.test(text) ? Number(text) : 0
}
