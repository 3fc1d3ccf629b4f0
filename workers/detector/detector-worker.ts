import type { Assignment, FetchedBatches, StreamConsumer } from '../../platform/kafka/consumer.js'
import type { Producer } from '../../platform/kafka/producer.js'
import { RecordList } from '../../platform/kafka/record-list.js'
import type { BatchLimits, PackedBatch, UnreadableRange } from '../../platform/kafka/record-set.js'
import type { Tracing } from '../../platform/tracing.js'
import type { AnomalyRow } from '../../db/stores/anomaly-rows.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import { SCHEMA_HOLD_MS } from '../partition-schemas.js'
import { PartitionRuntime } from '../partitions/partition-runtime.js'
import type { AnomalyChanges } from './anomaly-feed.js'
import type { AnomalyWriter } from './anomaly-writer.js'
import { CHECKPOINT_TURNS, takeCheckpointTurns } from './checkpoint-turns.js'
import type { Checkpointer } from './checkpointer.js'
import type { DetectorMetrics, HoldReason } from './detector-metrics.js'
import { schemaIdAt, type PartitionOwner } from './partition-owner.js'
import { passOver } from './pass-over.js'
import { readAhead } from './read-ahead.js'
import { checkState } from './state-limit.js'
import type { Steps } from './steps.js'
import { traceRaised } from './trace-raised.js'
import { takeOver, type TakeOverDeps } from './take-over.js'

export interface DetectorLimits {
  readonly checkpointIntervalMs: number
  readonly openRowRewriteMs: number
  /** Late and dead records that may wait for Kafka. */
  readonly maxQueuedSideRecords: number
  /** Records that may be processed beyond the last checkpoint. */
  readonly maxUncommittedRecords: number
  /** What the state of one partition may take in memory. */
  readonly maxStateBytes: number
  /** What one batch may become in memory. */
  readonly batch: BatchLimits
}

export interface DetectorDeps extends TakeOverDeps {
  readonly writer: AnomalyWriter
  readonly feed: AnomalyChanges
  readonly checkpointer: Checkpointer
  readonly producer: Producer
  readonly consumer: StreamConsumer
  readonly metrics: DetectorMetrics
  readonly limits: DetectorLimits
  readonly steps: Steps
  /** Where spans go; undefined when nothing is traced. */
  readonly tracing: Tracing | undefined
  /** The process cannot go on. */
  readonly onFatal: (cause: unknown) => void
}

/** How long a held partition waits before it is looked at again. */
const HOLD_MS = 20
/** Records decided before timers and sockets have a turn. */
const MAX_RECORDS_PER_TURN = 1_000
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const schemasIn = (records: RecordList) => ({
  length: records.length,
  schemaIdAt: (i: number) => schemaIdAt(records, i),
  headersAt: (i: number) => records.recordAt(i).headers,
})

const offsetBehind = (records: RecordList): number =>
  records.length === 0 ? 0 : records.offsetAt(records.length - 1) + 1

/** Processes the partitions of this process: fetches in, rows and side records out, checkpoints on their own clock. */
export class DetectorWorker {
  readonly #deps: DetectorDeps
  readonly #timers: NodeJS.Timeout[] = []
  readonly partitions: PartitionRuntime<PartitionOwner>

  constructor(deps: DetectorDeps) {
    this.#deps = deps
    this.partitions = new PartitionRuntime(
      { ...deps, note: (name, what) => this.#note(name, what) },
      {
        acquire: (name) => this.#acquire(name),
        commit: (owner) => deps.checkpointer.checkpoint(owner),
        release: (owner) => this.#release(owner),
      },
    )
    const { checkpointIntervalMs, openRowRewriteMs } = deps.limits
    const turnMs = Math.max(10, checkpointIntervalMs / CHECKPOINT_TURNS)
    this.#timers.push(setInterval(() => this.#checkpointSome(), turnMs))
    this.#timers.push(setInterval(() => this.#rewriteOpenRows(), openRowRewriteMs))
  }

  onAssigned(assignment: Assignment): void {
    this.partitions.onAssigned(assignment)
    for (const topic of assignment.keys()) void this.#countPartitions(topic)
  }

  /** A topic that is given more partitions has the group join again. */
  async #countPartitions(topic: string): Promise<void> {
    try {
      const partitions = await this.#deps.partitionsOf(topic)
      for (const owner of this.partitions.owners)
        if (owner.topic === topic)
          owner.misplacement.expand(partitions, Math.max(owner.highWatermark, owner.nextOffset))
    } catch (err) {
      this.#deps.log.warn({ err, topic }, 'partitions_not_counted')
    }
  }

  /** Decides one fetch, or has it fetched again later. */
  onFetch(fetched: FetchedBatches): Promise<void> {
    return this.partitions.onFetch(fetched, (owner) => this.#decide(owner, fetched))
  }

  /** Stops the clocks, and commits and releases every partition. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.partitions.stop()
  }

  async #decide(owner: PartitionOwner, fetched: FetchedBatches): Promise<void> {
    const { limits, metrics } = this.#deps
    metrics.fetched(owner, fetched)
    owner.sawVoids(fetched.voids)
    const wanted = fetched.batches.filter(({ lastOffset }) => lastOffset >= owner.nextOffset)
    for await (const [batch, read] of readAhead(wanted, limits.batch)) {
      const isDecided =
        read instanceof RecordList ? await this.#decideRecords(owner, read) : this.#passOver(owner, batch, read)
      if (!isDecided) return
      metrics.decided(owner, batch)
    }
    if (!this.#isFree(owner)) return
    owner.reach(fetched)
    this.#note(owner, `has decided up to ${owner.nextOffset}`)
  }

  /** @returns false when the rest has to wait */
  async #decideRecords(owner: PartitionOwner, records: RecordList): Promise<boolean> {
    const { metrics, producer, tracing } = this.#deps
    this.#note(owner, 'looks up schemas')
    const end = await owner.schemas.settle(schemasIn(records), owner.nextOffset, offsetBehind(records))
    for (let from = 0; from < end; from += MAX_RECORDS_PER_TURN) {
      if (from > 0) await nextTurn()
      if (!this.#isFree(owner)) return false
      const to = Math.min(from + MAX_RECORDS_PER_TURN, end)
      const { rows, sideRecords, deadCodes } = owner.process(records, from, to)
      this.#give(owner, rows)
      if (tracing) traceRaised(tracing, rows)
      if (sideRecords.length > 0) owner.owe(producer.send(sideRecords))
      metrics.counted(owner, deadCodes)
      checkState(owner, this.#deps.limits.maxStateBytes)
    }
    if (end === records.length) return true
    if (this.#isFree(owner)) this.#putBack(owner, 'schema', SCHEMA_HOLD_MS)
    return false
  }

  /** Whether more may be decided. While others had their turn, the partition may have been given away. */
  #isFree(owner: PartitionOwner): boolean {
    if (this.partitions.isStopping || owner.isLost) return false
    const reason = this.#whyHeld(owner)
    if (!reason) return true
    if (owner.nextOffset - owner.committedOffset >= this.#deps.limits.maxUncommittedRecords)
      void this.partitions.commit(owner)
    this.#putBack(owner, reason, HOLD_MS)
    return false
  }

  #putBack(owner: PartitionOwner, reason: HoldReason, forMs: number): void {
    this.#deps.metrics.held(reason)
    this.#note(owner, `is held at ${owner.nextOffset}: ${reason}`)
    this.partitions.putBack(owner, forMs)
  }

  /** @returns false when it has to wait */
  #passOver(owner: PartitionOwner, batch: PackedBatch, range: UnreadableRange): boolean {
    if (!this.#isFree(owner)) return false
    const { log, metrics, producer } = this.#deps
    const passed = passOver(owner, range, batch.maxTimestamp)
    if (!passed) return true
    log.error({ partition: owner.name, ...passed.gap, detail: range.detail }, 'data_gap')
    owner.owe(producer.send(passed.letters))
    metrics.dataGap(passed.gap)
    metrics.counted(
      owner,
      passed.letters.map(() => passed.code),
    )
    return true
  }

  async #acquire(name: PartitionName): Promise<PartitionOwner> {
    const owner = await takeOver(this.#deps, name)
    if (owner.pieces === 0) await this.#deps.checkpointer.begin(owner)
    return owner
  }

  #note({ topic, partition }: PartitionName, what: string): void {
    this.#deps.steps.note(`${topic}/${partition}`, 'batch', what)
  }

  #whyHeld(owner: PartitionOwner): HoldReason | undefined {
    const { feed, limits, producer, writer } = this.#deps
    if (owner.isHeld) return 'rules'
    if (writer.isFull) return 'anomalies'
    if (feed.isFull) return 'anomaly_changes'
    if (producer.queuedRecords >= limits.maxQueuedSideRecords) return 'side_records'
    if (owner.nextOffset - owner.committedOffset >= limits.maxUncommittedRecords) return 'uncommitted'
    return undefined
  }

  #checkpointSome(): void {
    const { checkpointIntervalMs } = this.#deps.limits
    for (const owner of takeCheckpointTurns(this.partitions.owners, performance.now(), checkpointIntervalMs))
      void this.partitions.commit(owner)
  }

  #rewriteOpenRows(): void {
    for (const owner of this.partitions.owners)
      if (!owner.isHeld) this.#give(owner, owner.rowsOf(owner.detector.takeUpdates()))
  }

  /** Rows go to PostgreSQL at once; the checkpoint that passes them waits until subscribers can read them, too. */
  #give(owner: PartitionOwner, rows: readonly AnomalyRow[]): void {
    if (rows.length === 0) return
    this.#deps.writer.add(rows)
    owner.owe(this.#deps.feed.add(rows))
  }

  #release(owner: PartitionOwner): Promise<void> {
    this.#deps.writer.drop(owner.topic, owner.partition)
    this.#deps.feed.drop(owner.topic, owner.partition)
    this.#deps.metrics.forget(owner)
    return Promise.resolve()
  }
}
