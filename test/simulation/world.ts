import { GuardianError } from '../../domain/errors.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import type { Scheduler } from './scheduler.js'

/** A record of the simulated log; ids are never used again, also not by a topic that is recreated. */
export interface SimulatedRecord {
  readonly offset: number
  readonly id: string
}

/** One partition of the simulated log. */
export class SimulatedLog {
  #records: SimulatedRecord[] = []
  #generation = 0
  /** Every id that was ever appended, also to logs that were recreated. */
  readonly appended: string[] = []
  low = 0

  get high(): number {
    return this.low + this.#records.length
  }

  get generation(): number {
    return this.#generation
  }

  append(partition: number): void {
    const offset = this.high
    const id = `${partition}/${this.#generation}/${offset}`
    this.#records.push({ offset, id })
    this.appended.push(id)
  }

  read(from: number, most: number): SimulatedRecord[] {
    return this.#records.filter(({ offset }) => offset >= from).slice(0, most)
  }

  deleteBefore(offset: number): void {
    const low = Math.max(this.low, Math.min(offset, this.high))
    this.#records = this.#records.filter((record) => record.offset >= low)
    this.low = low
  }

  recreate(): void {
    this.#records = []
    this.low = 0
    this.#generation++
  }
}

interface StoredPartition {
  epoch: number
  nextOffset: number
  /** Which log it stands on, as `guardian new-log` counts them. */
  log: number
  readonly decided: Map<string, number>
  readonly gaps: { readonly log: number; readonly from: number; readonly to: number }[]
}

/** Transactions with faults: slow, refused, and done without an answer. */
export class SimulatedStore {
  readonly #scheduler: Scheduler
  readonly partitions: readonly StoredPartition[]
  /** Of a call, 0..1. */
  faults = { refused: 0, lost: 0, slowMs: 0 }
  readonly violations: string[] = []

  constructor(scheduler: Scheduler, partitions: number) {
    this.#scheduler = scheduler
    this.partitions = Array.from({ length: partitions }, () => ({
      ...{ epoch: 0, nextOffset: 0, log: 0, decided: new Map<string, number>(), gaps: [] },
    }))
  }

  of({ partition }: PartitionName): StoredPartition {
    const stored = this.partitions[partition]
    if (stored === undefined) throw new Error(`no partition ${partition}`)
    return stored
  }

  /** Raises the epoch. */
  take(name: PartitionName): Promise<{ epoch: number; nextOffset: number; log: number }> {
    return this.#transaction(() => {
      const stored = this.of(name)
      stored.epoch++
      return { epoch: stored.epoch, nextOffset: stored.nextOffset, log: stored.log }
    })
  }

  recordGap(name: PartitionName, epoch: number, from: number, to: number): Promise<void> {
    return this.#transaction(() => {
      const stored = this.of(name)
      if (stored.epoch !== epoch) throw new GuardianError('GRD_FENCED', 'gap')
      stored.gaps.push({ log: stored.log, from, to })
      stored.nextOffset = to
    })
  }

  commit(
    name: PartitionName,
    write: { epoch: number; expected: number; next: number; ids: readonly string[] },
  ): Promise<void> {
    return this.#transaction(() => {
      const stored = this.of(name)
      if (stored.epoch !== write.epoch || stored.nextOffset !== write.expected)
        throw new GuardianError('GRD_FENCED', `epoch ${write.epoch} of ${stored.epoch}`)
      if (write.next < stored.nextOffset) this.violations.push(`a checkpoint went back to ${write.next}`)
      stored.nextOffset = write.next
      if (write.ids.some((id) => Number(id.split('/')[1]) !== stored.log))
        this.violations.push(`records of another log are stored as those of log ${stored.log}`)
      for (const id of write.ids) stored.decided.set(id, (stored.decided.get(id) ?? 0) + 1)
    })
  }

  position(name: PartitionName): Promise<{ epoch: number; nextOffset: number }> {
    return this.#transaction(() => ({ epoch: this.of(name).epoch, nextOffset: this.of(name).nextOffset }))
  }

  async #transaction<T>(work: () => T): Promise<T> {
    const { random } = this.#scheduler
    const { refused, lost, slowMs } = this.faults
    await this.#scheduler.sleep(random.whole(1, 5 + slowMs))
    if (random.chance(refused)) throw new GuardianError('GRD_STORE_UNAVAILABLE', 'refused')
    const result = work()
    await this.#scheduler.sleep(random.whole(1, 5 + slowMs))
    if (random.chance(lost)) throw new GuardianError('GRD_COMMIT_UNKNOWN', 'the answer was lost')
    return result
  }
}
