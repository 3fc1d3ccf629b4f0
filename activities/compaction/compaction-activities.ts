import { cancellationSignal } from '@temporalio/activity'
import {
  compactedKey,
  compactedScratchName,
  compactionFenceOf,
  folderOfDay,
  type CompactedFileName,
  type Dataset,
} from '../../domain/archive/archive-file.js'
import { planCompaction, type CompactableFile, type CompactionLimits } from '../../domain/archive/plan-compaction.js'
import { GuardianError } from '../../domain/errors.js'
import { parseUtcDay, type UtcDay } from '../../domain/utc-day.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import { asActivity } from '../activity-failure.js'
import { mergeFiles, type MergedRows, type MergerSettings } from './merge-files.js'

interface ArchivedDay {
  readonly dataset: Dataset
  readonly day: UtcDay
}

export interface CompactionDeps {
  /** Days up to one that have small files beside each other, the newest first. */
  readonly compactionDays: (upTo: UtcDay, limit: number) => Promise<ArchivedDay[]>
  /** @returns the fence of this attempt: those before it can change nothing any more */
  readonly raiseCompactionFence: (of: ArchivedDay) => Promise<number>
  readonly compactableFiles: (of: ArchivedDay) => Promise<CompactableFile[]>
  /** Names a file in the place of its sources, or throws and changes nothing. */
  readonly supersedeFiles: (
    file: ArchivedDay &
      MergedRows & {
        readonly fence: number
        readonly partition: number
        readonly path: string
        readonly bytes: number
        readonly sources: readonly string[]
      },
  ) => Promise<void>
  /** Files whose time of grace is over. */
  readonly supersededFiles: (limit: number) => Promise<string[]>
  readonly forgetSuperseded: (paths: readonly string[]) => Promise<void>
  /** Which of these paths are in the manifest, or have been until lately. */
  readonly namedFiles: (paths: readonly string[]) => Promise<ReadonlySet<string>>
  readonly storage: ObjectStorage
  readonly compaction: CompactionLimits & MergerSettings
  readonly onCompacted: (outcome: CompactedDay) => void
  readonly onRemoved: (files: number) => void
}

/** What became of the files of a day. */
export interface CompactedDay {
  /** Small files whose rows are in larger ones now. */
  readonly merged: number
  /** The larger ones. */
  readonly written: number
  readonly rows: number
  readonly bytes: number
}

const REMOVED_AT_ONCE = 500

/** Activities that put small files of the archive together. All may be repeated, and killed anywhere. */
export const createCompactionActivities = (deps: CompactionDeps) => ({
  /** The days that have files to be merged. */
  listCompactionDays: ({ upTo, limit }: { readonly upTo: string; readonly limit: number }): Promise<ArchivedDay[]> =>
    asActivity(() => deps.compactionDays(parseUtcDay(upTo), limit)),

  /** Merges the small files of a day, one run of them after the other; an attempt goes on where the one before ended. */
  compactDay: ({ dataset, day }: { readonly dataset: Dataset; readonly day: string }): Promise<CompactedDay> => {
    let done: CompactedDay = { merged: 0, written: 0, rows: 0, bytes: 0 }
    const work = async () => {
      await compactDay(deps, { dataset, day: parseUtcDay(day) }, (one) => (done = plus(done, one)))
      return done
    }
    return asActivity(work, () => done)
  },

  /** Removes files that were superseded so long ago that nobody reads them any more. */
  removeSuperseded: (): Promise<{ readonly removed: number }> => {
    let removed = 0
    const work = async () => {
      for (;;) {
        const paths = await deps.supersededFiles(REMOVED_AT_ONCE)
        if (paths.length === 0) return { removed }
        for (const path of paths) {
          cancellationSignal().throwIfAborted()
          await deps.storage.remove(path)
        }
        // After the files: one that is forgotten first would never be removed if this process ended in between.
        await deps.forgetSuperseded(paths)
        removed += paths.length
        deps.onRemoved(paths.length)
      }
    }
    return asActivity(work, () => removed)
  },
})

export type CompactionActivities = ReturnType<typeof createCompactionActivities>

async function compactDay(deps: CompactionDeps, of: ArchivedDay, onMerged: (one: CompactedDay) => void): Promise<void> {
  const fence = await deps.raiseCompactionFence(of)
  await removeLeftovers(deps, of, fence)
  for (const run of planCompaction(await deps.compactableFiles(of), deps.compaction)) {
    cancellationSignal().throwIfAborted()
    const one = await mergeRun(deps, of, fence, run)
    deps.onCompacted(one)
    onMerged(one)
  }
}

/** The file is whole and in its place before the manifest names it, and named before its parts are not. */
async function mergeRun(
  deps: CompactionDeps,
  of: ArchivedDay,
  fence: number,
  run: readonly CompactableFile[],
): Promise<CompactedDay> {
  const { storage } = deps
  const sources = run.map(({ path }) => path)
  const name: CompactedFileName = {
    ...of,
    fence,
    partition: run[0]?.partition ?? 0,
    log: run[0]?.log ?? 1,
    fromOffset: run[0]?.firstOffset ?? 0,
    toOffset: (run.at(-1)?.lastOffset ?? 0) + 1,
  }
  const scratch = storage.scratchFile(compactedScratchName(name))
  const merged = await storage.withFiles(sources, (pathOf) =>
    mergeFiles(sources.map(pathOf), scratch, { ...deps.compaction, signal: cancellationSignal() }),
  )
  cancellationSignal().throwIfAborted()
  const path = compactedKey(name)
  const { bytes } = await storage.put(scratch, path)
  const file = { ...of, ...merged, fence, partition: name.partition, path, bytes, sources }
  try {
    await deps.supersedeFiles(file)
  } catch (error) {
    // It is certain that no row names it, and nobody else writes under this fence.
    if (error instanceof GuardianError && (error.code === 'GRD_FENCED' || error.code === 'GRD_STORE_CONFLICT'))
      await storage.remove(path)
    throw error
  }
  return { merged: sources.length, written: 1, rows: merged.rows, bytes }
}

/** Removes what earlier attempts at the day wrote and did not name: nobody can name it any more. */
async function removeLeftovers(deps: CompactionDeps, of: ArchivedDay, fence: number): Promise<void> {
  const { storage } = deps
  const isEarlier = (name: string): boolean => (compactionFenceOf(name) ?? fence) < fence
  const scratch = (await storage.listScratch()).filter((name) => name.startsWith(`${of.dataset}_${of.day}_`))
  for (const name of scratch.filter(isEarlier)) await storage.removeScratch(name)
  const folder = folderOfDay(of.dataset, of.day)
  for (const key of (await storage.listUnfinished(folder)).filter(isEarlier)) await storage.removeUnfinished(key)
  const keys = (await storage.list(folder)).filter(isEarlier)
  const named = await deps.namedFiles(keys)
  for (const key of keys) if (!named.has(key)) await storage.remove(key)
}

const plus = (a: CompactedDay, b: CompactedDay): CompactedDay => ({
  merged: a.merged + b.merged,
  written: a.written + b.written,
  rows: a.rows + b.rows,
  bytes: a.bytes + b.bytes,
})
