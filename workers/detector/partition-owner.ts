import type { Anomaly } from '../../domain/detection/anomaly.js'
import type { Fate, ObservedEvent } from '../../domain/detection/fate.js'
import { isUsableTime, MinuteCounts } from '../../domain/detection/minute-counts.js'
import type { Counts, PartitionDetector } from '../../domain/detection/partition-detector.js'
import { tickTimeOf } from '../../domain/detection/tick.js'
import type { Text, TextSlice } from '../../domain/text.js'
import type { DataGap } from '../../db/stores/checkpoints.js'
import type { AnomalyRow } from '../../db/stores/anomaly-rows.js'
import type { Fetched, OffsetRange } from '../../platform/kafka/consumer.js'
import type { OutgoingRecord } from '../../platform/kafka/producer.js'
import type { RecordList } from '../../platform/kafka/record-list.js'
import { schemaIdOf } from '../../platform/avro/codec.js'
import type { PartitionSchemas } from '../partition-schemas.js'
import { refusedSchema, type Decoded, type EventDecoder } from './event-decoder.js'
import { Misplacement, type PartitionCount } from './misplacement.js'
import { copyable, deadLetter, lateRecord } from './side-records.js'

export interface BatchOutcome {
  /** Rows of anomalies raised and closed. */
  readonly rows: AnomalyRow[]
  /** Late records and dead letters, to be acknowledged before a checkpoint passes them. */
  readonly sideRecords: OutgoingRecord[]
  readonly deadCodes: readonly string[]
}

/** How the fates of records are counted by minute. */
export interface CountingPolicy {
  /** Different minutes between two checkpoints. */
  readonly maxMinutes: number
  /** How long the counts of a minute are kept. */
  readonly keptMs: number
  readonly maxFutureSkewMs: number
}

/** The schema id of a record, if its value begins with one. */
export function schemaIdAt(records: RecordList, i: number): number | undefined {
  const from = records.valueFromAt(i)
  return from < 0 ? undefined : schemaIdOf(records.bytes, from, records.valueToAt(i))
}

/** Where an owner takes a partition up. */
export interface PartitionStart {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  readonly nextOffset: number
  /** Minus infinity before the first record. */
  readonly lastAppendMs: number
  /** How many partitions the topic has had, in the order of the offsets from which on; at least one. */
  readonly partitionCounts: readonly PartitionCount[]
}

/** One partition in this process's hands: its detector, where it is in the log, and what it owes. */
export class PartitionOwner {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  readonly detector: PartitionDetector
  readonly decoder: EventDecoder
  readonly schemas: PartitionSchemas
  /** Counts that came with the checkpoint: another process has reported them. */
  readonly countsAtTaking: Counts
  /** The next offset to process. */
  nextOffset: number
  /** The offset of the last committed checkpoint. */
  committedOffset: number
  highWatermark = 0
  /** The highest log append time behind `nextOffset`; minus infinity before the first record. */
  lastAppendMs: number
  /** Sends of late and dead records that have not been acknowledged. */
  readonly sideSends = new Set<Promise<void>>()
  /** Offsets passed over since the last checkpoint: the next one records them. */
  gaps: DataGap[] = []
  /** Fates since the last checkpoint: the next one adds them to those that are stored. */
  readonly minutes: MinuteCounts
  /** Offsets without a record that no checkpoint has passed. */
  #voids: OffsetRange[] = []
  #voidsSeenTo: number
  readonly misplacement: Misplacement
  /** When the last event was accepted, by the clock of `performance.now`; at first when the partition was taken. */
  lastAcceptedAtMs = performance.now()
  /** How far event time had come then. */
  eventHighMs: number
  #ticks = 0
  pieces = 0
  hasNews = false
  isLost = false
  /** When it was last its turn for a checkpoint, by the clock of `performance.now`; at first when it was taken. */
  checkpointTurnMs = performance.now()
  /** While set, no record may be processed: the rules are changing. */
  isHeld = false
  readonly #counting: CountingPolicy

  constructor(
    start: PartitionStart,
    detector: PartitionDetector,
    reading: { readonly decoder: EventDecoder; readonly schemas: PartitionSchemas },
    counting: CountingPolicy,
  ) {
    this.topic = start.topic
    this.partition = start.partition
    this.epoch = start.epoch
    this.nextOffset = start.nextOffset
    this.committedOffset = start.nextOffset
    this.lastAppendMs = start.lastAppendMs
    this.detector = detector
    this.decoder = reading.decoder
    this.schemas = reading.schemas
    this.countsAtTaking = { ...detector.counts }
    this.#counting = counting
    this.#voidsSeenTo = start.nextOffset
    this.eventHighMs = detector.eventHighMs
    this.misplacement = new Misplacement(start.partition, start.partitionCounts)
    this.minutes = new MinuteCounts(counting.maxMinutes)
  }

  get name(): string {
    return `${this.topic}/${this.partition}`
  }

  /** Decides records that have not been decided yet. Synchronous: nothing comes between two records. */
  process(records: RecordList, from: number, to: number): BatchOutcome {
    const sideRecords: OutgoingRecord[] = []
    const deadCodes: string[] = []
    this.minutes.keepFrom(this.keptFromMs)
    const { accepted } = this.detector.counts
    for (let i = from; i < to; i++) {
      const offset = records.offsetAt(i)
      if (offset < this.nextOffset) continue
      this.nextOffset = offset + 1
      const appendMs = records.timestampAt(i)
      if (appendMs > this.lastAppendMs) this.lastAppendMs = appendMs
      const { event, fault } = this.schemas.refusesAny
        ? this.#decodeUnlessRefused(records, i, offset)
        : this.decoder.decodeAt(records, i)
      if (fault && this.#isTick(records, i, offset, appendMs)) continue
      let fate: Fate = 'dead'
      if (event) fate = this.detector.process(event, offset, appendMs)
      else this.detector.countDead()
      if (event && fate !== 'dead') this.#checkPlace(event, offset, records.isKeylessAt(i))
      this.minutes.count(fate, fate === 'dead' ? this.#usableTime(event, appendMs) : event?.event_ts, appendMs)
      if (fate === 'accepted' || fate === 'duplicate') continue
      const record = copyable(records, i)
      if (event && fate === 'late')
        sideRecords.push(lateRecord(record, this, this.detector.watermarkMs - event.event_ts))
      else {
        const reason = fault ?? this.detector.fault ?? { code: 'INVALID', detail: 'refused' }
        deadCodes.push(reason.code)
        sideRecords.push(deadLetter(record, this, reason.code, reason.detail))
      }
    }
    this.hasNews = true
    if (this.detector.counts.accepted > accepted) this.#sawEvent()
    return { rows: this.rowsOf(this.detector.takeChanges()), sideRecords, deadCodes }
  }

  #sawEvent(): void {
    this.lastAcceptedAtMs = performance.now()
    this.eventHighMs = this.detector.eventHighMs
  }

  /** Takes the time of a record that is a tick. */
  #isTick(records: RecordList, i: number, offset: number, appendMs: number): boolean {
    const from = records.valueFromAt(i)
    const atMs = from < 0 ? undefined : tickTimeOf(records.bytes, from, records.valueToAt(i))
    if (atMs === undefined) return false
    this.detector.tick(atMs, offset, appendMs)
    this.#ticks++
    return true
  }

  /** Ticks that were read since the last call. */
  takeTicks(): number {
    const ticks = this.#ticks
    this.#ticks = 0
    return ticks
  }

  #checkPlace(event: ObservedEvent<TextSlice>, offset: number, isKeyless: boolean): void {
    const isMisplaced = this.misplacement.isMisplaced(event.session_id, offset)
    if (isMisplaced || isKeyless) this.misplacement.count({ isMisplaced, isKeyless }, event)
  }

  #decodeUnlessRefused(records: RecordList, i: number, offset: number): Decoded {
    const id = schemaIdAt(records, i)
    return id !== undefined && this.schemas.refuses(id, offset) ? refusedSchema(id) : this.decoder.decodeAt(records, i)
  }

  /** Remembers offsets without a record, until a checkpoint passes them. The same fetch can come again. */
  sawVoids(ranges: readonly OffsetRange[]): void {
    for (const { from, to } of ranges) {
      const unseenFrom = Math.max(from, this.#voidsSeenTo)
      if (to <= unseenFrom) continue
      this.#voids.push({ from: unseenFrom, to })
      this.#voidsSeenTo = to
    }
  }

  /** How many offsets without a record have been passed since the last call. */
  takeVoids(): number {
    const isPassed = ({ to }: OffsetRange): boolean => to <= this.nextOffset
    const passed = this.#voids.filter(isPassed)
    this.#voids = this.#voids.filter((range) => !isPassed(range))
    return passed.reduce((sum, { from, to }) => sum + to - from, 0)
  }

  /** Goes on behind a fetch of which every record is decided: offsets at its end may have had none. */
  reach({ nextOffset, highWatermark, lastAppendMs }: Fetched): void {
    this.nextOffset = Math.max(this.nextOffset, nextOffset)
    this.highWatermark = highWatermark
    this.lastAppendMs = Math.max(this.lastAppendMs, lastAppendMs)
    this.hasNews = true
  }

  /** Goes on behind offsets that cannot be read, and were appended by then. Each counts as dead. */
  passOver(gap: DataGap, lastAppendMs: number): void {
    this.lastAppendMs = Math.max(this.lastAppendMs, lastAppendMs)
    const records = gap.toOffset - gap.fromOffset
    this.detector.countDead(records)
    this.minutes.count('dead', undefined, lastAppendMs, records)
    this.gaps.push(gap)
    this.nextOffset = gap.toOffset
    this.hasNews = true
  }

  /** Minutes of event time before it are not kept. */
  get keptFromMs(): number {
    return this.detector.watermarkMs - this.#counting.keptMs
  }

  /** Minutes of log append time before it are not kept. */
  get appendKeptFromMs(): number {
    return this.lastAppendMs - this.#counting.keptMs
  }

  rowsOf(anomalies: readonly Anomaly[]): AnomalyRow[] {
    if (anomalies.length === 0) return []
    const detectedMs = Date.now()
    return anomalies.map((anomaly) => ({ topic: this.topic, partition: this.partition, anomaly, detectedMs }))
  }

  /** The event time of a dead letter, if it can be counted there. */
  #usableTime(event: ObservedEvent<Text> | undefined, appendMs: number): number | undefined {
    const eventMs = event?.event_ts
    return eventMs !== undefined && isUsableTime(eventMs, appendMs, this.#counting.maxFutureSkewMs)
      ? eventMs
      : undefined
  }

  /** Remembers a send until it is acknowledged. */
  owe(send: Promise<void>): void {
    this.sideSends.add(send)
    void send.then(
      () => this.sideSends.delete(send),
      // It stays: the checkpoint that waits for it fails with the same error, and the partition is taken anew.
      () => undefined,
    )
  }
}
