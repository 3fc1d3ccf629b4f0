import type { Collisions } from '../../domain/detection/partition-detector.js'
import { setTimeout as sleep } from 'node:timers/promises'
import { GuardianError, isRetryable } from '../../domain/errors.js'
import { takeHead } from '../../domain/detection/snapshot/head.js'
import { takePiece } from '../../domain/detection/snapshot/piece.js'
import type { Displaced } from '../../domain/detection/minute-counts.js'
import { TOPICS } from '../../domain/events.js'
import type { Database } from '../../db/pool.js'
import { commitCheckpoint, isCommitted, type CheckpointWrite } from '../../db/stores/checkpoints.js'
import type { Logger } from '../../platform/logger.js'
import type { AnomalyChanges } from './anomaly-feed.js'
import type { AnomalyWriter } from './anomaly-writer.js'
import type { MisplacedSource } from './misplacement.js'
import type { PartitionOwner } from './partition-owner.js'
import { plainRule, signatureOf, type RulesWatch } from './rules-watch.js'
import { seal, sealInPlace } from './seal.js'
import type { Steps } from './steps.js'

/** After this many pieces a full one replaces them, so that taking a partition stays quick. */
const MAX_PIECES = 48
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

export interface CheckpointObserver {
  committed(owner: PartitionOwner, figures: { seconds: number; pieceBytes: number }): void
  commitFailed(): void
  /** Collisions since the last checkpoint, if there were some. */
  collided(owner: PartitionOwner, collisions: Collisions | undefined): void
  /** Fates have been taken for a checkpoint. @param minutes different ones since the checkpoint before */
  minutesTaken(owner: PartitionOwner, minutes: number, displaced: Displaced): void
  misplaced(owner: PartitionOwner, sources: readonly MisplacedSource[]): void
}

/** A lost answer is asked for before the next attempt, and a missing day is made. */
const canRepeat = (error: unknown): boolean =>
  isRetryable(error) ||
  (error instanceof GuardianError && (error.code === 'GRD_COMMIT_UNKNOWN' || error.code === 'GRD_PARTITION_MISSING'))

export interface CheckpointerDeps {
  readonly db: Database
  readonly writer: AnomalyWriter
  readonly feed: AnomalyChanges
  readonly rules: RulesWatch
  readonly observer: CheckpointObserver
  readonly steps: Steps
  readonly log: Logger
}

/** Writes checkpoints: what one partition's state, rows and debts were between two records, in one transaction. */
export class Checkpointer {
  readonly #db: Database
  readonly #writer: AnomalyWriter
  readonly #feed: AnomalyChanges
  readonly #rules: RulesWatch
  readonly #observer: CheckpointObserver
  readonly #steps: Steps
  readonly #log: Logger
  readonly #captured = new WeakMap<PartitionOwner, { readonly atMs: number; readonly nextOffset: number }>()

  constructor({ db, writer, feed, rules, observer, steps, log }: CheckpointerDeps) {
    this.#db = db
    this.#writer = writer
    this.#feed = feed
    this.#rules = rules
    this.#observer = observer
    this.#steps = steps
    this.#log = log
  }

  /**
   * Commits where the partition is now. Not called while a checkpoint of it is under way. New rules take effect here.
   * @throws GRD_FENCED when the partition belongs to somebody else by now; whatever the send of a late or dead record, or
   * of an anomaly's change, threw
   */
  async checkpoint(owner: PartitionOwner): Promise<void> {
    const rules = owner.topic === TOPICS.purchases ? [] : this.#rules.current
    const changesRules = signatureOf(rules) !== signatureOf(owner.detector.rules)
    if (!owner.hasNews && !changesRules) return
    const startedAt = performance.now()
    owner.hasNews = false
    try {
      const write = await this.#capture(owner, changesRules ? rules : undefined)
      await this.#commit(owner, write)
      owner.committedOffset = write.nextOffset
      this.#steps.note(owner.name, 'checkpoint', `has written ${write.nextOffset}`)
      if (write.piece) owner.pieces = write.piece.isFull ? 1 : owner.pieces + 1
      const seconds = (performance.now() - startedAt) / 1_000
      this.#observer.committed(owner, { seconds, pieceBytes: write.piece?.bytes.length ?? 0 })
    } finally {
      owner.isHeld = false
    }
  }

  /** The first checkpoint of a partition that has none: with it, the rules of now are those it begins with. */
  async begin(owner: PartitionOwner): Promise<void> {
    await this.#rules.refresh()
    owner.hasNews = true
    await this.checkpoint(owner)
  }

  /** Records a second since the partition's last checkpoint. Also a checkpoint that moved nothing is measured from. */
  #paceOf(owner: PartitionOwner, nextOffset: number): number | null {
    const nowMs = performance.now()
    const since = this.#captured.get(owner)
    this.#captured.set(owner, { atMs: nowMs, nextOffset })
    return since && nowMs > since.atMs ? (nextOffset - since.nextOffset) / ((nowMs - since.atMs) / 1_000) : null
  }

  /** Everything up to the first await happens between two records; the order of the rest does not matter. */
  async #capture(owner: PartitionOwner, newRules: RulesWatch['current'] | undefined): Promise<CheckpointWrite> {
    const { detector, topic, partition, nextOffset, committedOffset: expectedOffset } = owner
    if (newRules) {
      // Rows under the new rules must not be seen before the change is stored: a crash would bring the old rules back.
      owner.isHeld = true
      detector.useRules(newRules)
    }
    const updates = owner.rowsOf(detector.takeUpdates())
    const head = takeHead(detector)
    const isFull = owner.pieces >= MAX_PIECES
    const isMoved = nextOffset > expectedOffset
    const taken = isMoved ? takePiece(detector, isFull) : undefined
    const piece = taken && { bytes: sealInPlace(taken.bytes), isFull, expiresAtMs: taken.expiresAtMs }
    const counts = { ...detector.counts }
    const recordsPerSecond = this.#paceOf(owner, nextOffset)
    const { watermarkMs } = detector
    const { lastAppendMs } = owner
    const { gaps } = owner
    owner.gaps = []
    const voidOffsets = owner.takeVoids()
    const ticks = owner.takeTicks()
    const collisions = detector.takeCollisions()
    this.#observer.collided(owner, collisions)
    const { minutes, displaced } = owner.minutes.take()
    this.#observer.minutesTaken(owner, minutes.length, displaced)
    const misplaced = owner.misplacement.take()
    this.#observer.misplaced(owner, misplaced.sources)
    const keptMinutes = { eventFromMs: owner.keptFromMs, appendFromMs: owner.appendKeptFromMs }
    this.#writer.add(updates)
    if (updates.length > 0) owner.owe(this.#feed.add(updates))
    const anomalies = this.#writer.take(topic, partition)
    this.#steps.note(owner.name, 'checkpoint', `waits until Kafka has ${owner.sideSends.size} sends`)
    await Promise.all([...owner.sideSends])
    return {
      topic,
      partition,
      epoch: owner.epoch,
      expectedOffset,
      nextOffset,
      watermarkMs,
      lastAppendMs,
      head: seal(Buffer.from(head)),
      piece,
      counts,
      recordsPerSecond,
      anomalies,
      ruleChange: newRules?.map(plainRule),
      gaps,
      voidOffsets,
      ticks,
      collisions,
      minutes,
      keptMinutes,
      misplaced,
      partitionCounts: owner.misplacement.counts,
    }
  }

  /** Tries the same write until it is stored, or somebody else has the partition. */
  async #commit(owner: PartitionOwner, write: CheckpointWrite): Promise<void> {
    let isTried = false
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        // Never again before the row was read: a write that is stored already would be taken for another owner's.
        if (isTried && (await this.#isStored(write))) return
        isTried = true
        this.#steps.note(owner.name, 'checkpoint', `writes ${write.nextOffset}`)
        await this.#writer.days.ensureFor(this.#db, write.anomalies)
        await commitCheckpoint(this.#db, write)
        return
      } catch (err) {
        this.#writer.days.forgetOn(err)
        if (!canRepeat(err) || owner.isLost) throw err
        this.#observer.commitFailed()
        this.#log.warn({ err, partition: owner.name, retryInMs: pauseMs }, 'checkpoint_not_written')
        await sleep(pauseMs)
      }
    }
  }

  /** After an error nobody knows whether the commit was stored; the row knows. @throws when it cannot be read */
  async #isStored(write: CheckpointWrite): Promise<boolean> {
    return write.nextOffset !== write.expectedOffset && (await isCommitted(this.#db, write))
  }
}
