import { writerOf, type Dataset } from '../../domain/archive/archive-file.js'
import type { Database } from '../../db/pool.js'
import { namedFiles, recordArchiveGap, takeArchive } from '../../db/stores/archive.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import type { Logger } from '../../platform/logger.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import { takeFromLog, type LogPositions } from '../log-positions.js'
import type { TakenPartition } from './partition-archive.js'

export interface TakeArchiveDeps extends LogPositions {
  readonly db: Database
  readonly storage: ObjectStorage
  /** Who this process is, for people. */
  readonly ownerName: string
  readonly log: Logger
}

/** Paths that are looked for in the manifest with one statement. */
const PATHS_PER_LOOK = 5_000

/**
 * Takes a partition from whoever archived it, and removes the files that an earlier owner had written and not named in
 * the manifest. Offsets that Kafka no longer has are recorded as a gap.
 * @throws GRD_DATA_GAP when the log is shorter than the checkpoint says, or is another one under the same name; GRD_STORE_*; of
 * the file system
 */
export async function takeOverArchive(
  deps: TakeArchiveDeps,
  name: PartitionName,
  dataset: Dataset,
): Promise<TakenPartition> {
  const { db, log } = deps
  const { taken, offsets } = await takeFromLog(deps, name, (from) => takeArchive(db, name, deps.ownerName, from))
  const { low, high } = offsets
  const { epoch, nextOffset: stored } = taken
  const label = `${name.topic}/${name.partition}`
  if (stored < low) {
    log.error({ partition: label, fromOffset: stored, toOffset: low }, 'archive_gap')
    await recordArchiveGap(db, name, epoch, { fromOffset: stored, toOffset: low })
  }
  const nextOffset = Math.max(stored, low)
  const orphans = await removeOrphans(deps, dataset, name.partition, epoch)
  log.info({ partition: label, epoch, nextOffset, orphans, behind: high - nextOffset }, 'archive_taken')
  return { topic: name.topic, partition: name.partition, dataset, epoch, nextOffset }
}

/**
 * Removes files of earlier owners that the manifest does not name. Nobody can name them any more: the epoch of their
 * writer is over. Files of later owners are left alone, so a process that was frozen in here does no harm.
 */
async function removeOrphans(
  { db, storage }: TakeArchiveDeps,
  dataset: Dataset,
  partition: number,
  epoch: number,
): Promise<number> {
  const isEarlier = (file: string): boolean => {
    const writer = writerOf(file)
    return writer?.partition === partition && writer.epoch < epoch
  }
  const scratch = (await storage.listScratch()).filter((name) => name.startsWith(`${dataset}_`) && isEarlier(name))
  for (const name of scratch) await storage.removeScratch(name)
  const keys = (await storage.list(dataset)).filter(isEarlier)
  const unfinished = (await storage.listUnfinished(dataset)).filter(isEarlier)
  for (const key of unfinished) await storage.removeUnfinished(key)
  let removed = scratch.length + unfinished.length
  for (let from = 0; from < keys.length; from += PATHS_PER_LOOK) {
    const some = keys.slice(from, from + PATHS_PER_LOOK)
    const named = await namedFiles(db, some)
    const orphans = some.filter((key) => !named.has(key))
    for (const key of orphans) await storage.remove(key)
    removed += orphans.length
  }
  return removed
}
