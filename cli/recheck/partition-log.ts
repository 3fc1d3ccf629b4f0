import { eventOfTexts } from '../../domain/detection/fate.js'
import { traceparentOf } from '../../domain/detection/traceparent.js'
import { LogReplay, type RulesFrom } from '../../domain/detection/log-replay.js'
import { ruleInForce } from '../../domain/detection/rule.js'
import { tickTimeOf } from '../../domain/detection/tick.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import { TOPICS } from '../../domain/events.js'
import type { PartitionHistory } from '../../db/read-models/partition-history.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { loadConfig } from '../../platform/config.js'
import { fetchOffsets, type PartitionOffsets } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { lastHeader } from '../../platform/kafka/last-header.js'
import { readRange, type LogRange, type RangeReader } from '../../platform/kafka/read-range.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../../platform/kafka/connection.js'
import { REGISTRY_CONNECTION_VARIABLES, registrySettings } from '../../platform/avro/registry-connection.js'
import { OBSERVED_EVENT_SCHEMA } from '../../schemas/avro-schemas.js'
import { EventDecoder } from '../../workers/detector/event-decoder.js'
import { startProgress } from '../progress.js'
import type { Terminal } from '../terminal.js'
import { readDeadOffsets } from './dead-offsets.js'

/** The log, to be decided once more by the code that decides it live. */
export interface PartitionLog {
  /** Of every partition of a topic. */
  offsets(topic: string): Promise<PartitionOffsets[]>
  /**
   * Decides a range of records by the rules that were in force, and keeps what concerns one session.
   * @param gapEnds the first offsets of the range behind what was lost, in order
   */
  replay(
    range: LogRange,
    changes: readonly RulesFrom[],
    sessionId: string,
    gapEnds?: readonly number[],
  ): Promise<LogReplay>
}

type Records = Parameters<RangeReader['onRecords']>[0]

/** Allowed lateness and future skew are read from the environment: they must be those of the detector. */
export function partitionLog({ env, log }: Terminal): PartitionLog {
  const config = loadConfig(
    [
      ...KAFKA_CONNECTION_VARIABLES,
      ...REGISTRY_CONNECTION_VARIABLES,
      ...(['KAFKA_REQUEST_TIMEOUT_MS'] as const),
      ...(['ALLOWED_LATENESS_MS', 'MAX_FUTURE_SKEW_MS', 'MAX_RECORD_BYTES', 'FETCH_MAX_UNPACKED_BYTES'] as const),
    ],
    env,
  )
  const { KAFKA_REQUEST_TIMEOUT_MS: requestTimeoutMs } = config
  const kafka = createKafka({ ...kafkaConnection(config), clientId: 'guardian-cli', requestTimeoutMs }, log)
  const schemas = new RegistryClient(registrySettings(config))
  const policy = { allowedLatenessMs: config.ALLOWED_LATENESS_MS, maxFutureSkewMs: config.MAX_FUTURE_SKEW_MS }
  return {
    offsets: (topic) => fetchOffsets(kafka, topic),
    replay: async (range, changes, sessionId, gapEnds) => {
      const record = range.topic === TOPICS.purchases ? 'Purchase' : 'Click'
      const decoder = new EventDecoder(OBSERVED_EVENT_SCHEMA(record), {
        schemaById: (id) => schemas.schemaById(id),
        maxRecordBytes: config.MAX_RECORD_BYTES,
      })
      const replay = new LogReplay(policy, changes, sessionId, gapEnds)
      const progress = startProgress(`${range.topic}/${range.partition}`, range.to - range.from, process.stderr)
      const reader = { maxUnpackedBytes: config.FETCH_MAX_UNPACKED_BYTES, idleTimeoutMs: 3 * requestTimeoutMs }
      let dead: ReadonlyMap<number, string> | undefined
      const onRecords = async (records: Records) => {
        dead ??= await readDeadOffsets(kafka, range, Number(records[0]?.timestamp ?? 0), reader)
        await decideAll(replay, decoder, records, dead)
        const done = Number(records.at(-1)?.offset ?? range.from) + 1 - range.from
        progress.update({ done, records: done, note: '' })
      }
      try {
        await readRange(kafka, range, { ...reader, onRecords })
      } finally {
        progress.stop()
      }
      return replay
    },
  }
}

/** What the detector has made a dead letter stays one, also when it could be decoded by now. */
async function decideAll(
  replay: LogReplay,
  decoder: EventDecoder,
  records: Records,
  dead: ReadonlyMap<number, string>,
): Promise<void> {
  await decoder.learnAll(decoder.missingIds(records.map(({ value }) => value)))
  for (const { key, value, headers, offset, timestamp } of records) {
    const tickMs = value === null ? undefined : tickTimeOf(value)
    if (tickMs !== undefined) {
      replay.tick(tickMs, Number(offset), Number(timestamp))
      continue
    }
    const decoded = decoder.decode(value)
    const fault = dead.get(Number(offset)) ?? decoded.fault?.detail
    const place = { offset: Number(offset), appendMs: Number(timestamp) }
    const traceparent = traceparentOf(lastHeader(headers, 'traceparent'))
    const event = decoded.event && { ...eventOfTexts(decoded.event), traceparent }
    if (fault !== undefined) replay.decideDead({ ...place, key: key?.toString(), event, fault })
    else if (event) replay.decide(event, place.offset, place.appendMs)
  }
}

/** The history of a partition's rules as rules that can decide. @throws GuardianError GRD_BAD_RULE */
export const rulesFrom = ({ ruleChanges }: PartitionHistory): RulesFrom[] =>
  ruleChanges.map(({ fromOffset, rules }) => ({
    fromOffset,
    rules: rules.map(({ mode, ...rule }) => ruleInForce({ ...rule, state: mode }, mode, RULE_KINDS)),
  }))
