import { TOPICS } from '../domain/events.js'
import { createDecoder, schemaIdOf } from '../platform/avro/codec.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { fetchOffsets } from '../platform/kafka/admin.js'
import type { createKafka } from '../platform/kafka/client.js'
import { followTopic } from '../platform/kafka/follow-topic.js'
import { readRange } from '../platform/kafka/read-range.js'
import type { Logger } from '../platform/logger.js'
import type { Registry } from '../platform/metrics.js'
import { AVRO_SCHEMAS } from '../schemas/avro-schemas.js'
import { anomalyIdOf } from '../schemas/rest/anomaly-id.js'
import type { ApiConfig } from './api-config.js'
import { AnomalyStream } from './live/anomaly-stream.js'
import { ChangeTail, type Change } from './live/change-tail.js'
import { kafkaWithin, type Breakers } from './wire-dependencies.js'

interface Parts {
  readonly kafka: ReturnType<typeof createKafka>
  readonly breakers: Pick<Breakers, 'kafka' | 'registry'>
  readonly registry: Registry
  readonly log: Logger
}

const TOPIC = TOPICS.anomalies

/** The live stream over `km.anomalies.v1`, which every process follows for itself. */
export function wireStream(config: ApiConfig, { kafka, breakers, registry, log }: Parts): AnomalyStream {
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

type LogRecord = Readonly<{ value: Buffer | null; offset: string }>

/** Makes text of the records of the feed. They are ours: one that is of another schema is not shown. */
class ChangeReader {
  readonly #schemas: RegistryClient
  readonly #breakers: Parts['breakers']
  #decode: ((bytes: Buffer) => unknown) | undefined
  #schemaId: number | undefined

  constructor(config: ApiConfig, breakers: Parts['breakers']) {
    this.#schemas = new RegistryClient({
      url: config.SCHEMA_REGISTRY_URL,
      timeoutMs: config.SCHEMA_REGISTRY_TIMEOUT_MS,
    })
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
