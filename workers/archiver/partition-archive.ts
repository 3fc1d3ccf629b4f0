import { archiveFileStem, archiveKey, type Dataset } from '../../domain/archive/archive-file.js'
import { dayOfNumber, type PlannedFile } from '../../domain/archive/plan-files.js'
import type { DeadLetterCode } from '../../domain/detection/fate.js'
import { tickTimeOf } from '../../domain/detection/tick.js'
import { DAY_MS } from '../../domain/utc-day.js'
import type { ArchivedFile, ArchivedTick, ArchiveWrite } from '../../db/stores/archive.js'
import type { RecordBatch } from '../../platform/kafka/consumer.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import { schemaIdOf } from '../../platform/avro/codec.js'
import type { PartitionSchemas } from '../partition-schemas.js'
import type { EventReader, ReadRecord } from './event-reader.js'
import type { RowBuffer, WrittenFile } from './row-buffer.js'

export interface TakenPartition {
  readonly topic: string
  readonly partition: number
  readonly dataset: Dataset
  readonly epoch: number
  readonly nextOffset: number
}

/** What became of the records of a batch. */
export interface BatchFigures {
  archived: number
  /** Read in part: a field that no rule looks at could not be read. */
  partial: number
  invalid: DeadLetterCode[]
}

const REFUSED: ReadRecord = { fault: 'DECODE', isWhole: false }

/** One partition in this process's hands: the rows since its last roll, and where it is in the log. */
export class PartitionArchive {
  readonly topic: string
  readonly partition: number
  readonly dataset: Dataset
  readonly epoch: number
  readonly schemas: PartitionSchemas
  /** The next offset to take in. */
  nextOffset: number
  /** Up to where the manifest knows it. */
  committedOffset: number
  buffer: RowBuffer
  /** When the first record after the last roll was taken in, by a clock that never goes back; undefined while there is none. */
  waitingSinceMs: number | undefined
  isLost = false
  highWatermark = 0
  /** A day began in this buffer that had not been seen before: the day before is as good as over. */
  hasNewDay = false
  #invalid = 0
  #ticks: ArchivedTick[] = []
  #eventHighMs = Number.NEGATIVE_INFINITY
  #lastAppendMs = Number.NEGATIVE_INFINITY

  constructor(taken: TakenPartition, buffer: RowBuffer, schemas: PartitionSchemas) {
    this.schemas = schemas
    this.topic = taken.topic
    this.partition = taken.partition
    this.dataset = taken.dataset
    this.epoch = taken.epoch
    this.nextOffset = taken.nextOffset
    this.committedOffset = taken.nextOffset
    this.buffer = buffer
  }

  get name(): string {
    return `${this.topic}/${this.partition}`
  }

  get hasNews(): boolean {
    return this.nextOffset > this.committedOffset
  }

  /** Takes in every record of a batch that it has not yet. Synchronous: nothing comes between two records. */
  take(batch: RecordBatch, reader: EventReader, nowMs: number): BatchFigures {
    const figures: BatchFigures = { archived: 0, partial: 0, invalid: [] }
    for (const record of batch.records) {
      const offset = Number(record.offset)
      if (offset < this.nextOffset) continue
      const appendMs = Number(record.timestamp)
      this.#lastAppendMs = Math.max(this.#lastAppendMs, appendMs)
      const tickMs = record.value === null ? undefined : tickTimeOf(record.value)
      if (tickMs !== undefined) {
        this.#ticks.push({ offset, atMs: Math.min(tickMs, appendMs) })
        continue
      }
      const { event, isWhole, fault } = this.#isRefused(record.value, offset)
        ? REFUSED
        : reader.read(record.value, appendMs)
      if (!event) {
        figures.invalid.push(fault)
        continue
      }
      this.buffer.add(event, { partition: this.partition, offset, appendMs }, record.value?.length ?? 0)
      figures.archived++
      if (!isWhole) figures.partial++
      this.#sawEvent(Math.min(event.event_ts, appendMs))
    }
    this.#invalid += figures.invalid.length
    this.nextOffset = Math.max(this.nextOffset, batch.nextOffset)
    this.highWatermark = batch.highWatermark
    this.#lastAppendMs = Math.max(this.#lastAppendMs, batch.lastAppendMs) // also of what cannot be read
    this.waitingSinceMs ??= nowMs
    return figures
  }

  /** Whether the registry did not have the schema of a record when detector or archiver read it first. */
  #isRefused(value: Buffer | null, offset: number): boolean {
    return this.schemas.refusesAny && value !== null && this.schemas.refuses(schemaIdOf(value), offset)
  }

  #sawEvent(eventMs: number): void {
    if (eventMs <= this.#eventHighMs) return
    const isFirst = this.#eventHighMs === Number.NEGATIVE_INFINITY
    if (!isFirst && Math.floor(eventMs / DAY_MS) > Math.floor(this.#eventHighMs / DAY_MS)) this.hasNewDay = true
    this.#eventHighMs = eventMs
  }

  /** Writes what is buffered to files that have their key, and says what the manifest has to know of them. */
  async writeFiles(storage: ObjectStorage): Promise<ArchiveWrite> {
    const { topic, partition, dataset, epoch, committedOffset: expectedOffset, nextOffset, buffer } = this
    const range = { dataset, partition, epoch, fromOffset: expectedOffset, toOffset: nextOffset }
    const written =
      buffer.rows === 0
        ? []
        : await buffer.write(({ day }: PlannedFile) =>
            storage.scratchFile(`${dataset}_${day}_${archiveFileStem(range)}.parquet`),
          )
    const files: ArchivedFile[] = []
    for (const file of written) {
      const path = archiveKey({ ...range, day: file.planned.day })
      const { bytes } = await storage.put(file.scratchFile, path)
      files.push(archivedFile(file, path, bytes))
    }
    const days = written.flatMap(({ planned }) =>
      planned.days.map(({ dayNumber, rows }) => ({ day: dayOfNumber(dayNumber), rows })),
    )
    const slots = buffer.rows === 0 ? [] : await buffer.slots()
    const counts = { archived: buffer.rows, invalid: this.#invalid, ticks: this.#ticks }
    const highs = { eventHighMs: this.#eventHighMs, lastAppendMs: this.#lastAppendMs }
    return { topic, partition, dataset, epoch, expectedOffset, nextOffset, ...counts, ...highs, files, days, slots }
  }

  /** The manifest knows all of it: goes on with an empty buffer. */
  rolled(nextOffset: number, buffer: RowBuffer): void {
    this.committedOffset = nextOffset
    this.buffer = buffer
    this.waitingSinceMs = undefined
    this.hasNewDay = false
    this.#invalid = 0
    this.#ticks = []
  }
}

function archivedFile(file: WrittenFile, path: string, bytes: number): ArchivedFile {
  const { planned, rows, firstOffset, lastOffset, eventHighMs } = file
  const numbers = planned.days.map(({ dayNumber }) => dayNumber)
  const firstDay = dayOfNumber(Math.min(...numbers))
  const lastDay = dayOfNumber(Math.max(...numbers))
  return { path, firstDay, lastDay, firstOffset, lastOffset, rows, bytes, eventHighMs }
}
