import { setTimeout as sleep } from 'node:timers/promises'
import { GuardianError, isRetryable } from '../../domain/errors.js'
import type { Assignment, Fetched, FetchedBatches, StreamConsumer } from '../../platform/kafka/consumer.js'
import type { Producer } from '../../platform/kafka/producer.js'
import { RecordList } from '../../platform/kafka/record-list.js'
import type { BatchLimits, PackedBatch, UnreadableRange } from '../../platform/kafka/record-set.js'
import type { Tracing } from '../../platform/tracing.js'
import { PlatformError } from '../../platform/platform-error.js'
import type { AnomalyRow } from '../../db/stores/anomaly-rows.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import { commitOwned } from '../commit-owned.js'
import { SCHEMA_HOLD_MS } from '../partition-schemas.js'
import { putBack, waitForServer } from '../put-back.js'
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
/** Longer than a checkpoint takes, and much shorter than the group waits for its members. */
const REBALANCE_WAIT_MS = 2_000
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What a partition is taken anew after: while PostgreSQL was away, a rebalance can have given it to somebody else, too. */
const TAKEN_ANEW: readonly string[] = ['GRD_COMMIT_UNKNOWN', 'GRD_FENCED']

/** Whether the partition can wait, as for a server that is away. Anything else that a batch throws ends the process. */
const canWait = (error: unknown): boolean =>
  error instanceof PlatformError
    ? error.code === 'REGISTRY_UNAVAILABLE' || error.code === 'BATCH_UNREADABLE' // another fetch may bring it whole
    : error instanceof GuardianError && (isRetryable(error) || TAKEN_ANEW.includes(error.code))

const schemasIn = (records: RecordList) => ({
  length: records.length,
  schemaIdAt: (i: number) => schemaIdAt(records, i),
  headersAt: (i: number) => records.recordAt(i).headers,
})

const offsetBehind = (records: RecordList): number =>
  records.length === 0 ? 0 : records.offsetAt(records.length - 1) + 1

/** Drives the partitions that this process has: batches in, rows and side records out, checkpoints on their own clock. */
export class DetectorWorker {
  readonly #deps: DetectorDeps
  readonly #owners = new Map<string, PartitionOwner>()
  readonly #timers: NodeJS.Timeout[] = []
  #assigned: readonly PartitionName[] = []
  #stopping = false

  constructor(deps: DetectorDeps) {
    this.#deps = deps
    const { checkpointIntervalMs, openRowRewriteMs } = deps.limits
    const turnMs = Math.max(10, checkpointIntervalMs / CHECKPOINT_TURNS)
    this.#timers.push(setInterval(() => this.#checkpointSome(), turnMs))
    this.#timers.push(setInterval(() => this.#rewriteOpenRows(), openRowRewriteMs))
  }

  get owners(): readonly PartitionOwner[] {
    return [...this.#owners.values()]
  }

  /** What of it nothing has come from yet. */
  get unowned(): readonly PartitionName[] {
    return this.#assigned.filter(({ topic, partition }) => !this.#owners.has(`${topic}/${partition}`))
  }

  /** What this process has to read. */
  get assigned(): readonly PartitionName[] {
    return this.#assigned
  }

  /** Lets go of the partitions that went to other members. Taking new ones waits for their first batch. */
  onAssigned(assignment: Assignment): void {
    this.#assigned = [...assignment].flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    for (const owner of this.#owners.values())
      if (!assignment.get(owner.topic)?.includes(owner.partition)) this.#release(owner)
    for (const topic of assignment.keys()) void this.#countPartitions(topic)
  }

  /** A topic that is given more partitions has the group join again. */
  async #countPartitions(topic: string): Promise<void> {
    try {
      const partitions = await this.#deps.partitionsOf(topic)
      for (const owner of this.#owners.values())
        if (owner.topic === topic)
          owner.misplacement.expand(partitions, Math.max(owner.highWatermark, owner.nextOffset))
    } catch (err) {
      this.#deps.log.warn({ err, topic }, 'partitions_not_counted')
    }
  }

  /** Commits what is decided before partitions go to other members, so that they need not decide it again. */
  async onRebalancing(): Promise<void> {
    // The first may have been under way for a while, and then the second has the rest.
    const commitTwice = async (owner: PartitionOwner) => {
      await this.#checkpoint(owner)
      await this.#checkpoint(owner)
    }
    const tooLong = new AbortController()
    const committed = Promise.all(this.owners.map(commitTwice)).finally(() => tooLong.abort())
    await Promise.race([committed, sleep(REBALANCE_WAIT_MS, undefined, tooLong).catch(() => undefined)])
  }

  /**
   * Has a partition of which nothing has come be read from `offset` on. Kafka's own offset of the group can be in front of
   * the checkpoint, when the database was restored or is new: then only a record that is yet to come would show it.
   */
  wake({ topic, partition }: PartitionName, offset: number): void {
    if (!this.#stopping && !this.#owners.has(`${topic}/${partition}`))
      this.#deps.consumer.seek(topic, partition, offset)
  }

  /** Takes a partition that no record comes from, with its open windows. */
  async adopt(name: PartitionName): Promise<void> {
    const isWanted = () =>
      !this.#stopping && this.unowned.some((one) => one.topic === name.topic && one.partition === name.partition)
    if (!isWanted()) return
    const owner = await takeOver(this.#deps, name)
    if (owner.pieces === 0) await this.#deps.checkpointer.begin(owner)
    // A batch, or a rebalance, was quicker: whoever has the partition now finds out at its next checkpoint.
    if (isWanted()) this.#owners.set(`${name.topic}/${name.partition}`, owner)
  }

  /** Decides one fetch, or puts it back. While a server that it needs is away, the partition waits for it. */
  async onFetch(fetched: FetchedBatches): Promise<void> {
    if (this.#stopping) return
    try {
      const owner = await this.#ownerOf(fetched)
      if (owner) await this.#decide(owner, fetched)
    } catch (err) {
      this.#putOff(fetched, err)
    }
  }

  /** Has the fetch come again later, for what can wait. @throws what cannot */
  #putOff(fetched: FetchedBatches, err: unknown): void {
    // Connections are being closed, and what was not committed is decided again by the next owner.
    if (this.#stopping) return
    if (!canWait(err)) throw err
    this.#note(fetched, `waits for a server: ${err instanceof Error ? err.message : 'unknown'}`)
    const { topic, partition, fetchedOffset } = fetched
    const offset = this.#owners.get(`${topic}/${partition}`)?.nextOffset ?? fetchedOffset
    waitForServer(this.#deps, { topic, partition, offset }, err)
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
    if (this.#stopping || owner.isLost) return false
    const reason = this.#whyHeld(owner)
    if (!reason) return true
    if (owner.nextOffset - owner.committedOffset >= this.#deps.limits.maxUncommittedRecords)
      void this.#checkpoint(owner)
    this.#putBack(owner, reason, HOLD_MS)
    return false
  }

  /** Has the partition come again a moment later from where it stands. */
  #putBack(owner: PartitionOwner, reason: HoldReason, forMs: number): void {
    this.#deps.metrics.held(reason)
    this.#note(owner, `is held at ${owner.nextOffset}: ${reason}`)
    const { topic, partition, nextOffset: offset } = owner
    putBack(this.#deps.consumer, { topic, partition, offset, forMs })
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

  /** Stops the clocks and commits every partition a last time, so that the next owner has nothing to repeat. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.owners.map((owner) => this.#checkpoint(owner)))
    for (const owner of this.#owners.values()) this.#release(owner)
  }

  async #ownerOf(batch: Fetched): Promise<PartitionOwner | undefined> {
    const key = `${batch.topic}/${batch.partition}`
    const known = this.#owners.get(key)
    // A log never becomes shorter: if it seems so, it may be another log under the same name.
    const isSameLog = known !== undefined && batch.highWatermark >= known.highWatermark
    if (known && isSameLog && batch.fetchedOffset <= known.nextOffset) {
      if (batch.nextOffset > known.nextOffset) return known
      this.#deps.consumer.seek(batch.topic, batch.partition, known.nextOffset)
      return undefined
    }
    // Another owner has been further than we are, or the log has lost what we wanted: the checkpoint knows.
    if (known) this.#release(known)
    this.#note(batch, 'is being taken')
    const owner = await takeOver(this.#deps, batch)
    if (this.#stopping) return undefined
    if (owner.pieces === 0) await this.#deps.checkpointer.begin(owner)
    this.#owners.set(key, owner)
    if (batch.fetchedOffset === owner.nextOffset) return owner
    this.#deps.consumer.seek(batch.topic, batch.partition, owner.nextOffset)
    return undefined
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
    for (const owner of takeCheckpointTurns(this.owners, performance.now(), checkpointIntervalMs))
      void this.#checkpoint(owner)
  }

  #checkpoint(owner: PartitionOwner): Promise<void> {
    return commitOwned(
      this.#deps,
      owner,
      () => this.#deps.checkpointer.checkpoint(owner),
      () => this.#release(owner),
    )
  }

  #rewriteOpenRows(): void {
    for (const owner of this.#owners.values())
      if (!owner.isHeld) this.#give(owner, owner.rowsOf(owner.detector.takeUpdates()))
  }

  /** Rows go to PostgreSQL at once; the checkpoint that passes them waits until subscribers can read them, too. */
  #give(owner: PartitionOwner, rows: readonly AnomalyRow[]): void {
    if (rows.length === 0) return
    this.#deps.writer.add(rows)
    owner.owe(this.#deps.feed.add(rows))
  }

  #release(owner: PartitionOwner): void {
    owner.isLost = true
    if (this.#owners.get(owner.name) === owner) this.#owners.delete(owner.name)
    this.#deps.writer.drop(owner.topic, owner.partition)
    this.#deps.feed.drop(owner.topic, owner.partition)
    this.#deps.metrics.forget(owner)
  }
}
