import { GuardianError, isRetryable } from '../../domain/errors.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import type { Logger } from '../../platform/logger.js'
import type { LogPositions } from '../../workers/log-positions.js'
import type { OwnedPartition, PartitionRuntime } from '../../workers/partitions/partition-runtime.js'
import type { Code } from './code.js'
import type { Scheduler } from './scheduler.js'
import type { SimulatedLog, SimulatedRecord, SimulatedStore } from './world.js'

class Owner implements OwnedPartition {
  readonly topic: string
  readonly partition: number
  readonly name: string
  committedOffset: number
  highWatermark = 0
  isLost = false
  /** Ids of the records that no commit has stored. */
  readonly pending: string[] = []

  constructor(
    { topic, partition }: PartitionName,
    readonly epoch: number,
    public nextOffset: number,
  ) {
    this.topic = topic
    this.partition = partition
    this.name = `${topic}/${partition}`
    this.committedOffset = nextOffset
  }

  get hasNews(): boolean {
    return this.nextOffset > this.committedOffset
  }
}

export interface Shared {
  readonly code: Code
  readonly scheduler: Scheduler
  readonly logs: readonly SimulatedLog[]
  readonly store: SimulatedStore
  readonly groupOffsets: Map<number, number>
  readonly log: Logger
}

const TOPIC = 'simulated'

/** A process of the group: the product's runtime, with a consumer, a store and a clock that the scheduler drives. */
export class Member {
  readonly runtime: PartitionRuntime<Owner>
  readonly #shared: Shared
  readonly #positions = new Map<number, number>()
  readonly #paused = new Set<number>()
  readonly #fetching = new Set<number>()
  #thawed: Promise<void> = Promise.resolve()
  #thaw: (() => void) | undefined
  isAlive = true

  constructor(
    readonly name: string,
    shared: Shared,
    readonly onCrash: (cause: unknown) => void,
  ) {
    this.#shared = shared
    const { scheduler } = shared
    this.runtime = new shared.code.PartitionRuntime<Owner>(
      {
        consumer: {
          seek: (_topic, partition, offset) => void this.#positions.set(partition, offset),
          pause: (_topic, partition) => void this.#paused.add(partition),
          resume: (_topic, partition) => void this.#paused.delete(partition),
          commit: (_topic, partition, offset) => {
            shared.groupOffsets.set(partition, offset)
            return Promise.resolve()
          },
        },
        log: shared.log,
        metrics: { fenced: () => scheduler.say(`${name} is fenced`), held: () => undefined },
        onFatal: (cause) => this.crash(cause),
        after: (ms, then) => scheduler.after(ms, () => void this.#thawed.then(then)),
      },
      {
        acquire: (of) => this.#acquire(of),
        commit: (owner) => this.#commit(owner),
        release: async (owner, committed) => {
          await committed
          scheduler.say(`${name} releases ${owner.partition} at ${owner.nextOffset}, stored ${owner.committedOffset}`)
        },
      },
    )
  }

  get isFrozen(): boolean {
    return this.#thaw !== undefined
  }

  freeze(): void {
    this.#thawed = new Promise((resolve) => (this.#thaw = resolve))
  }

  thaw(): void {
    if (this.isAlive) this.#thaw?.()
    this.#thaw = undefined
  }

  crash(cause: unknown): void {
    if (!this.isAlive) return
    this.isAlive = false
    this.#thawed = new Promise(() => undefined) // nothing of it runs any more
    this.onCrash(cause)
  }

  assign(partitions: readonly number[]): void {
    for (const partition of partitions)
      if (!this.runtime.assigned.some((one) => one.partition === partition))
        this.#positions.set(partition, this.#shared.groupOffsets.get(partition) ?? 0)
    this.runtime.onAssigned(new Map([[TOPIC, partitions]]))
  }

  /** Fetches some of each partition, as the consumer's loop does: one fetch of a partition at a time. */
  poll(): void {
    if (!this.isAlive || this.isFrozen) return
    for (const { partition } of this.runtime.assigned)
      if (!this.#paused.has(partition) && !this.#fetching.has(partition)) void this.#fetch(partition)
  }

  async #fetch(partition: number): Promise<void> {
    const { logs, scheduler } = this.#shared
    const log = logs[partition]
    if (log === undefined) return
    let from = this.#positions.get(partition) ?? log.low
    if (from < log.low || from > log.high) from = log.low // offset out of range: from the beginning
    const records = log.read(from, scheduler.random.whole(1, 20))
    const last = records.at(-1)
    if (last === undefined) return
    const fetched = {
      topic: TOPIC,
      partition,
      fetchedOffset: from,
      nextOffset: last.offset + 1,
      highWatermark: log.high,
      lastAppendMs: 0,
    }
    this.#positions.set(partition, fetched.nextOffset)
    this.#fetching.add(partition)
    await scheduler.sleep(scheduler.random.whole(1, 10))
    await this.#thawed
    try {
      await this.runtime.onFetch(fetched, (owner) => this.#process(owner, records, fetched.highWatermark))
    } catch (cause) {
      this.crash(cause)
    } finally {
      this.#fetching.delete(partition)
    }
  }

  async #process(owner: Owner, records: readonly SimulatedRecord[], highWatermark: number): Promise<void> {
    const { random } = this.#shared.scheduler
    for (const { offset, id } of records) {
      if (random.chance(0.1)) await this.#shared.scheduler.sleep(random.whole(0, 5))
      await this.#thawed
      if (owner.isLost || this.runtime.isStopping || !this.isAlive) return
      if (offset < owner.nextOffset) continue
      owner.pending.push(id)
      owner.nextOffset = offset + 1
    }
    owner.highWatermark = highWatermark
    if (random.chance(0.3)) void this.runtime.commit(owner)
  }

  async #acquire(name: PartitionName): Promise<Owner> {
    const { code, logs, scheduler, store } = this.#shared
    const log = logs[name.partition]
    if (log === undefined) throw new Error('no such partition')
    const positions: LogPositions = {
      offsetsOf: async () => {
        await scheduler.sleep(scheduler.random.whole(1, 20))
        return { partition: name.partition, low: log.low, high: log.high }
      },
      partitionsOf: () => Promise.resolve(logs.length),
      // Records of another log are later than all that were read.
      firstOffsetAfter: () => Promise.resolve(log.generation === store.of(name).log ? log.high : log.low),
    }
    let takenLog = -1
    const take = async () => {
      const stored = await store.take(name)
      takenLog = stored.log
      return { ...stored, lastAppendTs: new Date(0) }
    }
    const { taken, offsets } = await code.takeFromLog(positions, name, take).catch((error: unknown) => {
      const isGap = error instanceof GuardianError && error.code === 'GRD_DATA_GAP'
      if (isGap && log.generation === takenLog) store.violations.push('a log was refused that was not recreated')
      throw error
    })
    let { nextOffset } = taken
    if (nextOffset < offsets.low) {
      await store.recordGap(name, taken.epoch, nextOffset, offsets.low)
      nextOffset = offsets.low
    }
    await this.#thawed
    scheduler.say(`${this.name} acquires ${name.partition} at ${nextOffset}, epoch ${taken.epoch}`)
    return new Owner(name, taken.epoch, nextOffset)
  }

  /** As the product's checkpoints: the same write until it is stored, or the partition is lost. */
  async #commit(owner: Owner): Promise<void> {
    const { scheduler, store } = this.#shared
    const { nextOffset: next, committedOffset: expected, epoch } = owner
    if (next === expected) return
    const ids = owner.pending.splice(0)
    for (let isTried = false; ; isTried = true) {
      await this.#thawed
      try {
        const stored = isTried ? await store.position(owner) : undefined
        if (stored?.epoch !== epoch || stored.nextOffset !== next)
          await store.commit(owner, { epoch, expected, next, ids })
        break
      } catch (error) {
        const isUnknown = error instanceof GuardianError && error.code === 'GRD_COMMIT_UNKNOWN'
        if (!(isUnknown || isRetryable(error)) || owner.isLost || !this.isAlive) throw error
        await scheduler.sleep(100)
      }
    }
    owner.committedOffset = next
  }
}
