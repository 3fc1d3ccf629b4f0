/*
 * What deciding takes by itself: records in memory, as a fetch leaves them, are decoded and decided as a detector does it,
 * and its state is taken as checkpoints of a drain take it, without Kafka and PostgreSQL. For comparing two builds in turn;
 * the drain says what an event takes in all.
 * `npm run bench -- decide [events] [rounds]`
 */
import { ruleInForce } from '../domain/detection/rule.js'
import { RULE_KINDS } from '../domain/detection/rule-kinds.js'
import { PartitionDetector } from '../domain/detection/partition-detector.js'
import { takePiece } from '../domain/detection/snapshot/piece.js'
import { TOPICS } from '../domain/events.js'
import { createEncoder } from '../platform/avro/codec.js'
import { keyPartition } from '../platform/kafka/key-partition.js'
import { RecordList } from '../platform/kafka/record-list.js'
import { AVRO_SCHEMAS, OBSERVED_EVENT_SCHEMA } from '../schemas/avro-schemas.js'
import { EventDecoder } from '../workers/detector/event-decoder.js'
import { PartitionSchemas } from '../workers/partition-schemas.js'
import { PartitionOwner } from '../workers/detector/partition-owner.js'
import { RECORDS_PER_CHECKPOINT } from '../workers/detector/checkpoint-turns.js'
import { sealInPlace } from '../workers/detector/seal.js'
import { eventStream } from './event-stream.js'
import { median } from './stage.js'

const PARTITIONS = 4
const BATCH_RECORDS = 2_500
const SCHEMA_ID = 1
/** After the newest event of the stream: none is ahead of its record. */
const APPEND_MS = Date.UTC(2026, 1, 1)
const DEFAULTS = { latenessMs: 30_000, maxFutureSkewMs: 300_000, maxRecordBytes: 1_048_576 }
const COUNTING = { maxMinutes: 10_000, keptMs: 86_400_000, maxFutureSkewMs: DEFAULTS.maxFutureSkewMs }

/** The rules that a new installation has. */
const RULES = [
  ['HIGH_FREQUENCY', { windowMs: 10_000, slideMs: 10_000, minEvents: 50 }] as const,
  ['BOT_LIKE', { windowMs: 60_000, slideMs: 10_000, minEvents: 120, maxDistinctItems: 3 }] as const,
].map(([ruleId, parameters]) =>
  ruleInForce({ ruleId, version: 1, kind: ruleId, state: 'active', parameters }, 'active', RULE_KINDS),
)

/** Batches of one partition that are being made. */
class PartitionLog {
  readonly batches: RecordList[] = []
  #parts: Buffer[] = []
  #nextOffset = 0

  add(key: string, value: Buffer): void {
    this.#parts.push(recordOf(Buffer.from(key), value, this.#parts.length))
    if (this.#parts.length === BATCH_RECORDS) this.close()
  }

  close(): void {
    const records = this.#parts.length
    if (records === 0) return
    const bytes = Buffer.concat(this.#parts)
    const firstOffset = this.#nextOffset
    this.#nextOffset += records
    this.#parts = []
    this.batches.push(
      RecordList.readNow(bytes, {
        firstOffset,
        lastOffset: this.#nextOffset - 1,
        bytes: bytes.length,
        codec: 0,
        isControl: false,
        inTransaction: false,
        isAppendTime: true,
        firstTimestamp: APPEND_MS,
        maxTimestamp: APPEND_MS,
        producerId: '-1',
        records,
      }),
    )
  }
}

/** A record without headers. https://kafka.apache.org/documentation/#record */
function recordOf(key: Buffer, value: Buffer, offsetDelta: number): Buffer {
  const body = [0, 0, ...varint(offsetDelta), ...varint(key.length), ...key, ...varint(value.length)]
  return Buffer.concat([Buffer.from([...varint(body.length + value.length + 1), ...body]), value, Buffer.of(0)])
}

/** Zigzag, seven bits a byte. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = (value << 1) ^ (value >> 31)
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}

function logsOf(events: number): readonly (readonly RecordList[])[] {
  const encode = createEncoder(AVRO_SCHEMAS[TOPICS.clicks] ?? '', SCHEMA_ID)
  const logs = Array.from({ length: PARTITIONS }, () => new PartitionLog())
  for (const click of eventStream(events, 7))
    logs[keyPartition(click.session_id, PARTITIONS)]?.add(click.session_id, encode(click))
  for (const log of logs) log.close()
  return logs.map(({ batches }) => batches)
}

async function ownerOf(partition: number): Promise<PartitionOwner> {
  const writerSchema = () => Promise.resolve(AVRO_SCHEMAS[TOPICS.clicks] ?? '')
  const decoder = new EventDecoder(OBSERVED_EVENT_SCHEMA('Click'), {
    schemaById: writerSchema,
    maxRecordBytes: DEFAULTS.maxRecordBytes,
  })
  await decoder.learn(SCHEMA_ID)
  const policy = { allowedLatenessMs: DEFAULTS.latenessMs, maxFutureSkewMs: DEFAULTS.maxFutureSkewMs }
  const start = {
    topic: TOPICS.clicks,
    partition,
    epoch: 1,
    nextOffset: 0,
    lastAppendMs: Number.NEGATIVE_INFINITY,
    partitionCounts: [{ partitions: PARTITIONS, fromOffset: 0 }],
  }
  const readings = { read: () => Promise.resolve(new Map()), refuse: () => Promise.resolve(new Map()) }
  const schemas = new PartitionSchemas(start, decoder, readings, { waitMs: 0 })
  return new PartitionOwner(start, new PartitionDetector(policy, RULES), { decoder, schemas }, COUNTING)
}

/** The CPU time of a call. */
function microsecondsOf(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Decides all logs anew, a batch of each partition in turn. @returns µs of CPU per event, and what was found */
async function decideAll(logs: readonly (readonly RecordList[])[], events: number) {
  const owners = await Promise.all(logs.map((_, partition) => ownerOf(partition)))
  let [rows, pieceBytes, deciding, pieces] = [0, 0, 0, 0]
  for (let turn = 0; turn < Math.max(...logs.map(({ length }) => length)); turn++)
    for (const [partition, owner] of owners.entries()) {
      const batch = logs[partition]?.[turn]
      if (!batch) continue
      deciding += microsecondsOf(() => (rows += owner.process(batch, 0, batch.length).rows.length))
      if (owner.nextOffset - owner.committedOffset < RECORDS_PER_CHECKPOINT) continue
      owner.committedOffset = owner.nextOffset
      pieces += microsecondsOf(() => (pieceBytes += sealInPlace(takePiece(owner.detector, false).bytes).length))
    }
  const accepted = owners.reduce((sum, { detector }) => sum + detector.counts.accepted, 0)
  return { deciding: deciding / events, pieces: pieces / events, accepted, rows, pieceBytes: pieceBytes / events }
}

/** Prints each round, and their least and median. The first round, in which the compiler still works, counts for nothing. */
export async function decide(events: number, rounds: number): Promise<void> {
  const logs = logsOf(events)
  const figures: { readonly deciding: number; readonly pieces: number }[] = []
  for (let round = 0; round <= rounds; round++) {
    const { deciding, pieces, accepted, rows, pieceBytes } = await decideAll(logs, events)
    if (round > 0) figures.push({ deciding, pieces })
    const what = `${accepted.toLocaleString('en')} accepted, ${rows.toLocaleString('en')} changes of anomalies`
    console.log(
      `${round === 0 ? 'to warm up' : `round ${round}`}: ${deciding.toFixed(3)} µs of CPU an event, ` +
        `${pieces.toFixed(3)} for pieces of ${pieceBytes.toFixed(0)} bytes an event; ${what}`,
    )
  }
  for (const part of ['deciding', 'pieces'] as const) {
    const all = figures.map((figure) => figure[part])
    console.log(`${part}: least ${Math.min(...all).toFixed(3)} µs, median ${median(all).toFixed(3)} µs`)
  }
}
