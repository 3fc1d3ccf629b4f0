import { TOPICS } from '../domain/events.js'
import { createDecoder, schemaIdOf } from '../platform/avro/codec.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { fetchOffsets } from '../platform/kafka/admin.js'
import type { Queryable } from '../db/pool.js'
import { readAuditHead, readCovered, readReviewChanges, type ReviewChange } from '../db/read-models/review-changes.js'
import type { createKafka } from '../platform/kafka/client.js'
import { followTopic } from '../platform/kafka/follow-topic.js'
import { readRange } from '../platform/kafka/read-range.js'
import type { Logger } from '../platform/logger.js'
import type { Registry } from '../platform/metrics.js'
import { registrySettings } from '../platform/avro/registry-connection.js'
import { AVRO_SCHEMAS } from '../schemas/avro-schemas.js'
import { anomalyIdOf } from '../schemas/rest/anomaly-id.js'
import type { ApiConfig } from './api-config.js'
import { AnomalyStream } from './live/anomaly-stream.js'
import { ChangeTail, type Change } from './live/change-tail.js'
import { ReviewTail, type Review, type ReviewSource } from './live/review-tail.js'
import { kafkaWithin, type Breakers } from './wire-dependencies.js'

interface Parts {
  /** For what changes nothing. */
  readonly reads: Queryable
  readonly kafka: ReturnType<typeof createKafka>
  readonly breakers: Pick<Breakers, 'kafka' | 'registry'>
  readonly registry: Registry
  readonly log: Logger
}

const TOPIC = TOPICS.anomalies

/** The live stream over `km.anomalies.v1`, which every process follows for itself. */
export function wireStream(config: ApiConfig, { kafka, reads, breakers, registry, log }: Parts): AnomalyStream {
  const { FETCH_MAX_UNPACKED_BYTES: maxUnpackedBytes, API_LOG_READ_TIMEOUT_MS: timeoutMs } = config
  const changes = new ChangeReader(config, breakers)
  const ask = kafkaWithin(breakers, timeoutMs)
  const tail = new ChangeTail(
    {
      follow: async (onChanges, onEnd) => {
        await changes.learn()
        return ask(() =>
          followTopic(kafka, TOPIC, {
            maxUnpackedBytes,
            onRecords: (partition, records) => onChanges(changes.of(partition, records)),
            onEnd: (err) => {
              log.warn({ err }, 'anomaly_stream_ended')
              onEnd(err)
            },
          }),
        )
      },
    },
    config.API_STREAM_KEPT,
  )
  return new AnomalyStream({
    tail,
    reviews: new ReviewTail(reviewSource(reads, log), config.API_STREAM_REVIEW_POLL_MS),
    bounds: () => ask(() => fetchOffsets(kafka, TOPIC)),
    readMissed: (missed, onChange) =>
      breakers.kafka.execute(() =>
        readRange(
          kafka,
          { topic: TOPIC, ...missed },
          {
            maxUnpackedBytes,
            idleTimeoutMs: timeoutMs,
            onRecords: async (records) => {
              for (const change of changes.of(missed.partition, records)) await onChange(change)
            },
          },
        ),
      ),
    settings: {
      heartbeatMs: config.API_STREAM_HEARTBEAT_MS,
      maxBufferBytes: config.API_STREAM_BUFFER_BYTES,
      maxMissed: config.API_STREAM_MISSED_MAX,
    },
    registry,
  })
}

/** So many of the anomalies that an entry covers are named with it. */
const COVERED_NAMED = 100

/** Verdicts and the allowlist, from the audit records that are stored with them. */
const reviewSource = (reads: Queryable, log: Logger): ReviewSource => ({
  head: () => readAuditHead(reads),
  read: async (after) => {
    const { changes, upTo } = await readReviewChanges(reads, after)
    const reviews: Review[] = []
    for (const change of changes) reviews.push(await reviewOf(reads, change))
    return { reviews, upTo }
  },
  onError: (err) => log.warn({ err }, 'reviews_not_read'),
})

async function reviewOf(reads: Queryable, change: ReviewChange): Promise<Review> {
  const { seq, recordedTs, actorName } = change
  const by = { author_name: actorName, decided_ts: recordedTs.toISOString() }
  if (change.action === 'anomaly.verdict') {
    const { anomaly, after } = change
    const { sessionId, ruleId, mode, windowStart } = anomaly
    const of = { session_id: sessionId, rule_id: ruleId, mode, window_start: windowStart.toISOString() }
    const { version, verdict, comment } = after
    const data = JSON.stringify({ id: anomalyIdOf(anomaly), ...of, verdict, version, comment, ...by })
    return { seq, event: 'verdict', data, ruleId, mode }
  }
  const { entryId, kind, startsTs, endsTs } = change.after
  const isAdded = change.action === 'allowlist.add'
  const covered = isAdded ? await readCovered(reads, entryId, COVERED_NAMED + 1) : []
  const data = {
    ...{ change: isAdded ? 'added' : 'ended', entry_id: entryId, kind, starts_ts: startsTs, expires_ts: endsTs },
    ...{ covers: covered.slice(0, COVERED_NAMED).map(anomalyIdOf), covers_more: covered.length > COVERED_NAMED, ...by },
  }
  return { seq, event: 'allowlist', data: JSON.stringify(data) }
}

type LogRecord = Readonly<{ value: Buffer | null; offset: string }>

/** Makes text of the records of the feed. They are ours: one that is of another schema is not shown. */
class ChangeReader {
  readonly #schemas: RegistryClient
  readonly #breakers: Parts['breakers']
  #decode: ((bytes: Buffer) => unknown) | undefined
  #schemaId: number | undefined

  constructor(config: ApiConfig, breakers: Parts['breakers']) {
    this.#schemas = new RegistryClient(registrySettings(config))
    this.#breakers = breakers
  }

  /** Finds the schema of the feed in the registry. */
  async learn(): Promise<void> {
    const schema = AVRO_SCHEMAS[TOPIC] ?? ''
    this.#schemaId ??= await this.#breakers.registry.execute(() => this.#schemas.register(`${TOPIC}-value`, schema))
    this.#decode ??= createDecoder(schema, schema)
  }

  of(partition: number, records: readonly LogRecord[]): Change[] {
    return records.flatMap(({ value, offset }) => {
      if (value === null || schemaIdOf(value) !== this.#schemaId) return []
      const change = this.#decode?.(value) as FeedRecord | undefined
      return change === undefined ? [] : [changeOf(partition, Number(offset), change)]
    })
  }
}

/** A record of `km.anomalies.v1`. */
interface FeedRecord extends Readonly<Record<string, unknown>> {
  readonly session_id: string
  readonly rule_id: string
  readonly mode: 'active' | 'shadow'
  readonly window_start: number
  readonly window_end: number
}

function changeOf(partition: number, offset: number, record: FeedRecord): Change {
  const { session_id: sessionId, rule_id: ruleId, mode, window_start: start, window_end: end } = record
  const windowStart = new Date(start)
  const id = anomalyIdOf({ windowStart, sessionId, ruleId, mode })
  const times = { window_start: windowStart.toISOString(), window_end: new Date(end).toISOString() }
  return { partition, offset, ruleId, mode, data: JSON.stringify({ id, ...record, ...times }) }
}
