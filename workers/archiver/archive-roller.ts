import { setTimeout as sleep } from 'node:timers/promises'
import { GuardianError } from '../../domain/errors.js'
import type { Database } from '../../db/pool.js'
import { commitArchive, isArchived, type ArchiveWrite } from '../../db/stores/archive.js'
import type { Logger } from '../../platform/logger.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import type { ArchiverMetrics } from './archiver-metrics.js'
import type { PartitionArchive } from './partition-archive.js'
import type { RowBuffer } from './row-buffer.js'

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 10_000

export interface RollerDeps {
  readonly db: Database
  readonly storage: ObjectStorage
  readonly openBuffer: (owner: PartitionArchive) => Promise<RowBuffer>
  readonly metrics: ArchiverMetrics
  readonly log: Logger
}

const isFenced = (error: unknown): boolean => error instanceof GuardianError && error.code === 'GRD_FENCED'

/** Rolls partitions: what is buffered becomes files, and then one transaction names them and moves the partition on. */
export class ArchiveRoller {
  readonly #deps: RollerDeps

  constructor(deps: RollerDeps) {
    this.#deps = deps
  }

  /**
   * Rolls a partition. Not called while a roll of it is under way, and nothing may be taken in meanwhile. It is tried again
   * until it is done, or somebody else has the partition: a full disk or a database that is away only delays it.
   * @throws GRD_FENCED
   */
  async roll(owner: PartitionArchive): Promise<void> {
    if (!owner.hasNews) return
    const startedAt = performance.now()
    const write = await this.#until(owner, () => owner.writeFiles(this.#deps.storage))
    let isTried = false
    await this.#until(owner, async () => {
      // Never again before the row was read: a write that is stored already would be taken for another owner's.
      if (isTried && (await isArchived(this.#deps.db, write))) return
      isTried = true
      await commitArchive(this.#deps.db, write)
    })
    await this.#startAfresh(owner, write)
    this.#deps.metrics.rolled(write, (performance.now() - startedAt) / 1_000)
  }

  async #startAfresh(owner: PartitionArchive, { nextOffset }: ArchiveWrite): Promise<void> {
    const full = owner.buffer
    owner.rolled(nextOffset, await this.#deps.openBuffer(owner))
    await full.close()
  }

  async #until<T>(owner: PartitionArchive, work: () => Promise<T>): Promise<T> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        return await work()
      } catch (err) {
        if (isFenced(err) || owner.isLost) throw err
        this.#deps.metrics.rollFailed()
        this.#deps.log.warn({ err, partition: owner.name, retryInMs: pauseMs }, 'archive_not_written')
        await sleep(pauseMs)
      }
    }
  }
}
