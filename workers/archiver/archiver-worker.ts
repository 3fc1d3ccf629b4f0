import { datasetOf } from '../../domain/archive/archive-file.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import { GuardianError, isRetryable } from '../../domain/errors.js'
import type { Assignment, RecordBatch, StreamConsumer } from '../../platform/kafka/consumer.js'
import { PlatformError } from '../../platform/platform-error.js'
import { commitOwned } from '../commit-owned.js'
import { putBack, waitForServer } from '../put-back.js'
import type { ArchiveRoller } from './archive-roller.js'
import type { EventDecoder } from '../detector/event-decoder.js'
import { SCHEMA_HOLD_MS, schemaRecords, type PartitionSchemas } from '../partition-schemas.js'
import type { ArchiverMetrics, HoldReason } from './archiver-metrics.js'
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

/** Whether a server is away for now. Anything else that a batch throws ends the process. */
const isOutage = (error: unknown): boolean =>
  error instanceof PlatformError
    ? error.code === 'REGISTRY_UNAVAILABLE'
    : error instanceof GuardianError && isRetryable(error)

/** Drives the partitions that this process has: batches into buffers, buffers into files. */
export class ArchiverWorker {
  readonly #deps: ArchiverDeps
  readonly #owners = new Map<string, PartitionArchive>()
  readonly #timer: NodeJS.Timeout
  #stopping = false

  constructor(deps: ArchiverDeps) {
    this.#deps = deps
    this.#timer = setInterval(() => this.#rollWhatIsDue(), Math.min(TICK_MS, deps.limits.rollIntervalMs))
  }

  get bufferedBytes(): number {
    return [...this.#owners.values()].reduce((sum, { buffer }) => sum + buffer.bytes, 0)
  }

  /** Lets go of the partitions that went to other members. Taking new ones waits for their first batch. */
  onAssigned(assignment: Assignment): void {
    for (const owner of this.#owners.values())
      if (!assignment.get(owner.topic)?.includes(owner.partition)) this.#release(owner)
  }

  /** Takes one batch in, or puts it back. While a server that it needs is away, the partition waits for it. */
  async onBatch(batch: RecordBatch): Promise<void> {
    if (this.#stopping) return
    try {
      await this.#take(batch)
    } catch (err) {
      this.#putOff(batch, err)
    }
  }

  /** Has the batch come again later, for what can wait. @throws what cannot */
  #putOff(batch: RecordBatch, err: unknown): void {
    // Connections are being closed, and what was not committed is archived by the next owner.
    if (this.#stopping) return
    if (!isOutage(err)) throw err
    const { topic, partition, fetchedOffset: offset } = batch
    waitForServer(this.#deps, { topic, partition, offset }, err)
  }

  async #take(batch: RecordBatch): Promise<void> {
    const { metrics, readerOf, limits } = this.#deps
    const owner = await this.#ownerOf(batch)
    if (!owner) return
    metrics.fetched(owner, batch)
    const reader = readerOf(batch.topic)
    const { records, nextOffset } = batch
    const known = await owner.schemas.settle(schemaRecords(records), owner.nextOffset, nextOffset)
    if (owner.isLost) return
    if (known < records.length || owner.rolling) {
      this.#putBack(owner, owner.rolling ? 'rolling' : 'schema')
      return
    }
    metrics.taken(owner, batch, owner.take(batch, reader, performance.now()))
    const { rows, bytes } = owner.buffer
    if (rows >= limits.rollRecords || bytes >= limits.rollBytes) void this.#roll(owner)
    else if (this.bufferedBytes >= limits.bufferBytes) void this.#roll(this.#largest(owner))
  }

  #putBack(owner: PartitionArchive, reason: HoldReason): void {
    this.#deps.metrics.held(reason)
    const { topic, partition, nextOffset: offset } = owner
    const forMs = reason === 'schema' ? SCHEMA_HOLD_MS : HOLD_MS
    putBack(this.#deps.consumer, { topic, partition, offset, forMs })
  }

  /** Stops the clock and rolls every partition a last time, so that the next owner has nothing to repeat. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#timer)
    await Promise.all([...this.#owners.values()].map((owner) => this.#roll(owner)))
  }

  async #ownerOf(batch: RecordBatch): Promise<PartitionArchive | undefined> {
    const key = `${batch.topic}/${batch.partition}`
    const known = this.#owners.get(key)
    if (known && batch.fetchedOffset <= known.nextOffset) {
      if (batch.nextOffset > known.nextOffset) return known
      this.#deps.consumer.seek(batch.topic, batch.partition, known.nextOffset)
      return undefined
    }
    // Another owner has been further than we are, or the log has lost what we wanted: the checkpoint knows.
    if (known) this.#release(known)
    const dataset = datasetOf(batch.topic)
    if (!dataset) throw new Error(`${batch.topic} is not archived`)
    const taken = await takeOverArchive(this.#deps, batch, dataset)
    const schemas = this.#deps.schemasOf(batch, this.#deps.readerOf(batch.topic).decoder)
    const owner = new PartitionArchive(taken, await this.#deps.openBuffer(taken), schemas)
    this.#owners.set(key, owner)
    if (batch.fetchedOffset === owner.nextOffset) return owner
    this.#deps.consumer.seek(batch.topic, batch.partition, owner.nextOffset)
    return undefined
  }

  #largest(least: PartitionArchive): PartitionArchive {
    let largest = least
    for (const owner of this.#owners.values())
      if (!owner.rolling && owner.buffer.bytes > largest.buffer.bytes) largest = owner
    return largest
  }

  #rollWhatIsDue(): void {
    const nowMs = performance.now()
    for (const owner of this.#owners.values()) {
      if (owner.waitingSinceMs === undefined || owner.rolling) continue
      if (owner.hasNewDay || nowMs - owner.waitingSinceMs >= this.#deps.limits.rollIntervalMs) void this.#roll(owner)
    }
  }

  #roll(owner: PartitionArchive): Promise<void> {
    return commitOwned(
      this.#deps,
      owner,
      () => this.#deps.roller.roll(owner),
      () => this.#release(owner),
    )
  }

  #release(owner: PartitionArchive): void {
    owner.isLost = true
    if (this.#owners.get(owner.name) === owner) this.#owners.delete(owner.name)
    this.#deps.metrics.forget(owner)
    const close = (owner.rolling ?? Promise.resolve()).catch(() => undefined).then(() => owner.buffer.close())
    close.catch((err: unknown) => this.#deps.log.warn({ err, partition: owner.name }, 'buffer_not_closed'))
  }
}
