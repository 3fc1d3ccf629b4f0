import { GuardianError, isRetryable } from '../../domain/errors.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import type { Assignment, Fetched, StreamConsumer } from '../../platform/kafka/consumer.js'
import type { Logger } from '../../platform/logger.js'
import { PlatformError } from '../../platform/platform-error.js'

/** A partition of which this process believes to be the owner. */
export interface OwnedPartition extends PartitionName {
  /** `topic/partition` */
  readonly name: string
  readonly epoch: number
  /** The next offset to process. */
  readonly nextOffset: number
  /** Where what is stored ends. */
  readonly committedOffset: number
  /** Whether a commit would store anything. */
  readonly hasNews: boolean
  /** The highest end of the log that a fetch has shown. */
  readonly highWatermark: number
  /** Set by the runtime: nothing may be processed or committed any more. */
  isLost: boolean
}

/** What differs between the consumers of a topic. */
export interface PartitionPort<Owner extends OwnedPartition> {
  /** Raises the epoch of a partition and restores its state. @throws GRD_*, see `canWait` */
  readonly acquire: (name: PartitionName) => Promise<Owner>
  /** Stores what was processed before the call, in one transaction under the owner's epoch. @throws GRD_FENCED */
  readonly commit: (owner: Owner) => Promise<void>
  /** Frees what this process holds of a lost partition; `committed` settles when no commit is under way any more. */
  readonly release: (owner: Owner, committed: Promise<unknown>) => Promise<void>
}

export interface PartitionRuntimeDeps {
  readonly consumer: Pick<StreamConsumer, 'seek' | 'pause' | 'resume' | 'commit'>
  readonly log: Logger
  readonly metrics: { readonly fenced: () => void; readonly held: (reason: 'outage') => void }
  /** The process cannot continue. */
  readonly onFatal: (cause: unknown) => void
  /** What a partition is doing, for the watchdog. */
  readonly note?: (name: PartitionName, what: string) => void
  /** Calls back once after some milliseconds, unless cancelled by the function that it returns. @default setTimeout */
  readonly after?: (ms: number, then: () => void) => () => void
}

/**
 * unowned → acquiring → owned ⇄ committing → unowned. A partition is lost when a rebalance revokes it, when its commit is fenced, or
 * when a fetch shows that its checkpoint or its log is not what this process knows; its next fetch acquires it again.
 */
export type PartitionState = 'unowned' | 'acquiring' | 'owned' | 'committing'

interface Owned<Owner> {
  state: 'owned' | 'committing'
  readonly owner: Owner
  committed: Promise<void>
}
type Held<Owner> = { readonly state: 'acquiring'; readonly acquired: Promise<Owner | undefined> } | Owned<Owner>

/** Delay before a server that did not respond is asked again. */
const OUTAGE_MS = 1_000
/** Longer than a commit takes, and much shorter than the group waits for its members. */
const REBALANCE_WAIT_MS = 2_000
/** While PostgreSQL was away, a rebalance can have given the partition to another member as well. */
const REACQUIRE_ON: readonly string[] = ['GRD_COMMIT_UNKNOWN', 'GRD_FENCED']

/** Whether the partition is fetched again later, as for a server that is away. Any other error ends the process. */
const canWait = (error: unknown): boolean =>
  error instanceof PlatformError
    ? error.code === 'REGISTRY_UNAVAILABLE' || error.code === 'BATCH_UNREADABLE' // another fetch may bring it whole
    : error instanceof GuardianError && (isRetryable(error) || REACQUIRE_ON.includes(error.code))

const setTimer = (ms: number, then: () => void): (() => void) => {
  const timer = setTimeout(then, ms)
  return () => clearTimeout(timer)
}

/** Owns partitions of a consumer group: acquires, commits, fences and releases them, for every consumer in the same way. */
export class PartitionRuntime<Owner extends OwnedPartition> {
  readonly #deps: PartitionRuntimeDeps
  readonly #port: PartitionPort<Owner>
  readonly #after: (ms: number, then: () => void) => () => void
  readonly #held = new Map<string, Held<Owner>>()
  readonly #released = new Set<Promise<void>>()
  #assigned: readonly PartitionName[] = []
  #isStopping = false

  constructor(deps: PartitionRuntimeDeps, port: PartitionPort<Owner>) {
    this.#deps = deps
    this.#port = port
    this.#after = deps.after ?? setTimer
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  get owners(): readonly Owner[] {
    return [...this.#held.values()].flatMap((held) => (held.state === 'acquiring' ? [] : [held.owner]))
  }

  get assigned(): readonly PartitionName[] {
    return this.#assigned
  }

  /** Assigned partitions that have delivered nothing yet. */
  get unowned(): readonly PartitionName[] {
    return this.#assigned.filter((name) => this.stateOf(name) === 'unowned')
  }

  stateOf(name: PartitionName): PartitionState {
    return this.#held.get(keyOf(name))?.state ?? 'unowned'
  }

  /** Releases revoked partitions. New ones are acquired lazily, on their first fetch. */
  onAssigned(assignment: Assignment): void {
    this.#assigned = [...assignment].flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    for (const owner of this.owners) if (!this.#isAssigned(owner)) this.#release(owner)
  }

  /** Commits what is processed before partitions are revoked, so that their next owners do not repeat it. */
  async onRebalancing(): Promise<void> {
    let cancel = (): void => undefined
    const tooLong = new Promise<void>((resolve) => (cancel = this.#after(REBALANCE_WAIT_MS, resolve)))
    const committed = Promise.all(this.owners.map((owner) => this.commitAll(owner)))
    await Promise.race([committed, tooLong]).finally(cancel)
  }

  /** Processes a fetch with the owner of its partition, or has it fetched again later. @throws what `canWait` does not cover */
  async onFetch(fetched: Fetched, process: (owner: Owner) => Promise<void>): Promise<void> {
    if (this.#isStopping) return
    try {
      const owner = await this.#ownerOf(fetched)
      if (owner) await process(owner)
    } catch (err) {
      this.#retryLater(fetched, err)
    }
  }

  /**
   * Seeks a partition that has delivered nothing yet to `offset`. The offset that Kafka has for the group can be beyond the
   * checkpoint, when the database was restored or is new: then only a record that is yet to come would show it.
   */
  wake(name: PartitionName, offset: number): void {
    if (!this.#isStopping && this.stateOf(name) === 'unowned')
      this.#deps.consumer.seek(name.topic, name.partition, offset)
  }

  /** Acquires an assigned partition that delivers no records, for its open windows. @throws GRD_* */
  async adopt(name: PartitionName): Promise<void> {
    if (!this.#isStopping && this.stateOf(name) === 'unowned') await this.#acquire(name)
  }

  /** Pauses a partition and rewinds it to where its owner is; it is fetched again after `forMs`. */
  putBack(owner: Owner, forMs: number): void {
    this.#rewind(owner, owner.nextOffset, forMs)
  }

  /**
   * Commits a partition; while a commit is under way, joins it. A commit that is refused because another process owns the
   * partition releases it; any other error ends the process.
   */
  async commit(owner: Owner): Promise<void> {
    const held = this.#heldAs(owner)
    if (held === undefined) return
    if (held.state === 'committing') {
      await held.committed
      return
    }
    held.state = 'committing'
    held.committed = this.#commit(owner).finally(() => (held.state = 'owned'))
    await held.committed
    if (!owner.isLost) await this.#tellKafka(owner)
  }

  /** Commits everything that was processed before the call: a commit that was under way does not have all of it. */
  async commitAll(owner: Owner): Promise<void> {
    await this.commit(owner)
    if (!owner.isLost && owner.hasNews) await this.commit(owner)
  }

  /** Commits every partition completely, so that the next owners repeat nothing, and releases it. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const acquiring = [...this.#held.values()].flatMap((held) => (held.state === 'acquiring' ? [held.acquired] : []))
    await Promise.all([...this.owners.map((owner) => this.commitAll(owner)), ...acquiring.map(settled)])
    for (const owner of this.owners) this.#release(owner)
    await Promise.all(this.#released)
  }

  async #ownerOf(fetched: Fetched): Promise<Owner | undefined> {
    const known = await this.#knownOwner(fetched)
    // A log never becomes shorter: if it seems so, it may be another log under the same name.
    const isSameLog = known && fetched.highWatermark >= Math.max(known.highWatermark, known.nextOffset)
    if (known && isSameLog === true && fetched.fetchedOffset <= known.nextOffset) {
      if (fetched.nextOffset > known.nextOffset) return known
      this.#deps.consumer.seek(fetched.topic, fetched.partition, known.nextOffset)
      return undefined
    }
    // Another owner has been further than we are, or the log has lost what we wanted: the checkpoint knows.
    if (known) this.#release(known)
    const owner = await this.#acquire(fetched)
    if (owner === undefined || fetched.fetchedOffset === owner.nextOffset) return owner
    this.#deps.consumer.seek(fetched.topic, fetched.partition, owner.nextOffset)
    return undefined
  }

  /** Undefined once this owner is lost, also when the partition was acquired again. */
  #heldAs(owner: Owner): Owned<Owner> | undefined {
    const held = this.#held.get(owner.name)
    return held !== undefined && held.state !== 'acquiring' && held.owner === owner ? held : undefined
  }

  async #knownOwner(name: PartitionName): Promise<Owner | undefined> {
    const held = this.#held.get(keyOf(name))
    return held?.state === 'acquiring' ? held.acquired : held?.owner
  }

  /** @returns undefined when the partition was revoked meanwhile, or the process stops */
  async #acquire({ topic, partition }: PartitionName): Promise<Owner | undefined> {
    const name = { topic, partition }
    // A fetch and an adoption can both have found it unowned: acquiring it twice would leave an owner that nobody releases.
    if (this.stateOf(name) !== 'unowned') return this.#knownOwner(name)
    if (!this.#isWanted(name)) return undefined
    this.#deps.note?.(name, 'is being taken')
    const acquired = this.#acquireFenced(name)
    this.#held.set(keyOf(name), { state: 'acquiring', acquired })
    return acquired
  }

  async #acquireFenced(name: PartitionName): Promise<Owner | undefined> {
    const key = keyOf(name)
    try {
      const owner = await this.#port.acquire(name)
      if (this.#isWanted(name)) {
        this.#held.set(key, { state: 'owned', owner, committed: Promise.resolve() })
        return owner
      }
      this.#forget(owner, Promise.resolve())
    } finally {
      if (this.#held.get(key)?.state === 'acquiring') this.#held.delete(key)
    }
    return undefined
  }

  #isAssigned({ topic, partition }: PartitionName): boolean {
    return this.#assigned.some((one) => one.topic === topic && one.partition === partition)
  }

  #isWanted(name: PartitionName): boolean {
    return !this.#isStopping && this.#isAssigned(name)
  }

  async #commit(owner: Owner): Promise<void> {
    const { consumer, log, metrics, onFatal } = this.#deps
    try {
      await this.#port.commit(owner)
    } catch (cause) {
      if (owner.isLost) return
      if (!(cause instanceof GuardianError && cause.code === 'GRD_FENCED')) {
        onFatal(cause)
        return
      }
      metrics.fenced()
      log.warn({ partition: owner.name, epoch: owner.epoch }, 'partition_lost')
      this.#release(owner)
      // If it is still ours, or comes back, its next fetch acquires it: there may be no new record to bring one.
      consumer.seek(owner.topic, owner.partition, owner.committedOffset)
    }
  }

  /** For lag tools only: the checkpoint in PostgreSQL is what counts. */
  async #tellKafka(owner: Owner): Promise<void> {
    const { consumer, log } = this.#deps
    await consumer.commit(owner.topic, owner.partition, owner.committedOffset).catch((err: unknown) => {
      log.debug({ err, partition: owner.name }, 'group_offset_not_committed')
    })
  }

  /** @throws what cannot wait */
  #retryLater(fetched: Fetched, err: unknown): void {
    // Connections are being closed, and what was not committed is processed again by the next owner.
    if (this.#isStopping) return
    if (!canWait(err)) throw err
    const { log, metrics, note } = this.#deps
    note?.(fetched, `waits for a server: ${err instanceof Error ? err.message : 'unknown'}`)
    log.warn({ err, partition: keyOf(fetched), retryInMs: OUTAGE_MS }, 'partition_waits')
    metrics.held('outage')
    const held = this.#held.get(keyOf(fetched))
    const isOwned = held !== undefined && held.state !== 'acquiring'
    this.#rewind(fetched, isOwned ? held.owner.nextOffset : fetched.fetchedOffset, OUTAGE_MS)
  }

  #rewind({ topic, partition }: PartitionName, offset: number, forMs: number): void {
    const { consumer } = this.#deps
    consumer.pause(topic, partition)
    consumer.seek(topic, partition, offset)
    this.#after(forMs, () => consumer.resume(topic, partition))
  }

  #release(owner: Owner): void {
    const held = this.#heldAs(owner)
    if (held) this.#held.delete(owner.name)
    this.#forget(owner, held ? settled(held.committed) : Promise.resolve())
  }

  #forget(owner: Owner, committed: Promise<unknown>): void {
    owner.isLost = true
    const released = this.#port
      .release(owner, committed)
      .catch((err: unknown) => this.#deps.log.warn({ err, partition: owner.name }, 'partition_not_released'))
      .finally(() => this.#released.delete(released))
    this.#released.add(released)
  }
}

const settled = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined)
const keyOf = ({ topic, partition }: PartitionName): string => `${topic}/${partition}`
