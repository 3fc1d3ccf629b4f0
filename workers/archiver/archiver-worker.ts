import { datasetOf } from '../../domain/archive/archive-file.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import type { RecordBatch, StreamConsumer } from '../../platform/kafka/consumer.js'
import { PartitionRuntime } from '../partitions/partition-runtime.js'
import type { ArchiveRoller } from './archive-roller.js'
import type { EventDecoder } from '../detector/event-decoder.js'
import { SCHEMA_HOLD_MS, schemaRecords, type PartitionSchemas } from '../partition-schemas.js'
import type { ArchiverMetrics } from './archiver-metrics.js'
import type { EventReader } from './event-reader.js'
import { PartitionArchive, type TakenPartition } from './partition-archive.js'
import type { RowBuffer } from './row-buffer.js'
import { takeOverArchive, type TakeArchiveDeps } from './take-archive.js'

export interface ArchiverLimits {
  /** A partition is rolled so long after the first record that waits. */
  readonly rollIntervalMs: number
  /** And when so much waits of it. */
  readonly rollRecords: number
  readonly rollBytes: number
  /** What may wait of all partitions, in bytes of record values; the largest is rolled when it is more. */
  readonly bufferBytes: number
}

export interface ArchiverDeps extends TakeArchiveDeps {
  readonly roller: ArchiveRoller
  readonly openBuffer: (of: Pick<TakenPartition, 'dataset'>) => Promise<RowBuffer>
  readonly readerOf: (topic: string) => EventReader
  readonly schemasOf: (name: PartitionName, decoder: EventDecoder) => PartitionSchemas
  readonly consumer: StreamConsumer
  readonly metrics: ArchiverMetrics
  readonly limits: ArchiverLimits
  /** The process cannot go on. */
  readonly onFatal: (cause: unknown) => void
}

const TICK_MS = 200
const HOLD_MS = 20

/** Processes the partitions of this process: batches into buffers, buffers into files. */
export class ArchiverWorker {
  readonly #deps: ArchiverDeps
  readonly #timer: NodeJS.Timeout
  readonly partitions: PartitionRuntime<PartitionArchive>

  constructor(deps: ArchiverDeps) {
    this.#deps = deps
    this.partitions = new PartitionRuntime(deps, {
      acquire: (name) => this.#acquire(name),
      commit: (owner) => deps.roller.roll(owner),
      release: (owner, committed) => this.#release(owner, committed),
    })
    this.#timer = setInterval(() => this.#rollWhatIsDue(), Math.min(TICK_MS, deps.limits.rollIntervalMs))
  }

  get bufferedBytes(): number {
    return this.partitions.owners.reduce((sum, { buffer }) => sum + buffer.bytes, 0)
  }

  /** Takes one batch in, or has it fetched again later. */
  onBatch(batch: RecordBatch): Promise<void> {
    return this.partitions.onFetch(batch, (owner) => this.#take(owner, batch))
  }

  /** Stops the clock, and rolls and releases every partition. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.partitions.stop()
  }

  async #take(owner: PartitionArchive, batch: RecordBatch): Promise<void> {
    const { metrics, readerOf, limits } = this.#deps
    metrics.fetched(owner, batch)
    const reader = readerOf(batch.topic)
    const { records, nextOffset } = batch
    const known = await owner.schemas.settle(schemaRecords(records), owner.nextOffset, nextOffset)
    if (owner.isLost) return
    const isRolling = this.#isRolling(owner)
    if (known < records.length || isRolling) {
      metrics.held(isRolling ? 'rolling' : 'schema')
      this.partitions.putBack(owner, isRolling ? HOLD_MS : SCHEMA_HOLD_MS)
      return
    }
    metrics.taken(owner, batch, owner.take(batch, reader, performance.now()))
    const { rows, bytes } = owner.buffer
    if (rows >= limits.rollRecords || bytes >= limits.rollBytes) void this.partitions.commit(owner)
    else if (this.bufferedBytes >= limits.bufferBytes) void this.partitions.commit(this.#largest(owner))
  }

  #isRolling(owner: PartitionArchive): boolean {
    return this.partitions.stateOf(owner) === 'committing'
  }

  async #acquire(name: PartitionName): Promise<PartitionArchive> {
    const dataset = datasetOf(name.topic)
    if (!dataset) throw new Error(`${name.topic} is not archived`)
    const taken = await takeOverArchive(this.#deps, name, dataset)
    const schemas = this.#deps.schemasOf(name, this.#deps.readerOf(name.topic).decoder)
    return new PartitionArchive(taken, await this.#deps.openBuffer(taken), schemas)
  }

  #largest(least: PartitionArchive): PartitionArchive {
    let largest = least
    for (const owner of this.partitions.owners)
      if (!this.#isRolling(owner) && owner.buffer.bytes > largest.buffer.bytes) largest = owner
    return largest
  }

  #rollWhatIsDue(): void {
    const nowMs = performance.now()
    for (const owner of this.partitions.owners) {
      if (owner.waitingSinceMs === undefined || this.#isRolling(owner)) continue
      if (owner.hasNewDay || nowMs - owner.waitingSinceMs >= this.#deps.limits.rollIntervalMs)
        void this.partitions.commit(owner)
    }
  }

  async #release(owner: PartitionArchive, committed: Promise<unknown>): Promise<void> {
    this.#deps.metrics.forget(owner)
    await committed
    await owner.buffer.close()
  }
}
