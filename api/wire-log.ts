import { readLetterStates } from '../db/stores/dead-letter-fates.js'
import { listDecidingRules } from '../db/stores/rules.js'
import type { Database } from '../db/pool.js'
import { rulesInForce } from '../domain/detection/rule.js'
import { RULE_KINDS } from '../domain/detection/rule-kinds.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { fetchOffsets, offsetsAt, withAdmin } from '../platform/kafka/admin.js'
import type { createKafka } from '../platform/kafka/client.js'
import { readRange } from '../platform/kafka/read-range.js'
import { registrySettings, type REGISTRY_CONNECTION_VARIABLES } from '../platform/avro/registry-connection.js'
import type { ApiConfig } from './api-config.js'
import type { ApiDeps } from './api.js'
import { EventValues } from './log/event-values.js'
import type { LogReader } from './log/session-log.js'
import { kafkaWithin, type Breakers } from './wire-dependencies.js'

interface Parts {
  readonly db: Database
  readonly kafka: ReturnType<typeof createKafka>
  readonly breakers: Pick<Breakers, 'kafka' | 'registry'>
}

type LogConfig = Pick<
  ApiConfig,
  | 'API_LOG_RECORDS_MAX'
  | 'API_LOG_READ_TIMEOUT_MS'
  | 'FETCH_MAX_UNPACKED_BYTES'
  | (typeof REGISTRY_CONNECTION_VARIABLES)[number]
>

/** Bounded parts of the log, through the circuits to Kafka and the registry. */
export function wireLog(
  config: LogConfig,
  { db, kafka, breakers }: Parts,
): Pick<ApiDeps, 'openLog' | 'readValue' | 'rulesInForce' | 'sessionLogRecords' | 'letterStates'> {
  const schemas = new RegistryClient(registrySettings(config))
  const values = new EventValues((id) => breakers.registry.execute(() => schemas.schemaById(id)))
  return {
    openLog: logOpener(config, kafka, breakers),
    readValue: (topic, value) => values.read(topic, value),
    rulesInForce: async () => rulesInForce(await listDecidingRules(db), RULE_KINDS),
    sessionLogRecords: config.API_LOG_RECORDS_MAX,
    letterStates: (letters) => readLetterStates(db, letters),
  }
}

/** Opens the log for one request at a time: all that the request reads there, it reads within one deadline. */
function logOpener(
  { API_LOG_READ_TIMEOUT_MS: timeoutMs, FETCH_MAX_UNPACKED_BYTES: maxUnpackedBytes }: LogConfig,
  kafka: Parts['kafka'],
  breakers: Parts['breakers'],
): () => LogReader {
  return () => {
    const untilMs = performance.now() + timeoutMs
    const ask = <T>(work: (leftMs: number) => Promise<T>): Promise<T> => {
      const leftMs = Math.max(1, untilMs - performance.now())
      return kafkaWithin(breakers, leftMs)(() => work(leftMs))
    }
    return {
      offsets: (topic) => ask(() => fetchOffsets(kafka, topic)),
      offsetsAt: (topic, instantMs) => ask(() => withAdmin(kafka, (admin) => offsetsAt(admin, topic, instantMs))),
      read: (range, onRecords) =>
        ask((leftMs) =>
          readRange(kafka, range, {
            maxUnpackedBytes,
            idleTimeoutMs: leftMs,
            onRecords: (records) => {
              onRecords(records)
              return Promise.resolve()
            },
          }),
        ),
    }
  }
}
