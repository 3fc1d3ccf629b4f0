import type { CompactionDeps } from '../../activities/compaction/compaction-activities.js'
import type { Database } from '../../db/pool.js'
import { namedFiles } from '../../db/stores/archive.js'
import {
  forgetSuperseded,
  listCompactionDays,
  listSuperseded,
  raiseCompactionFence,
  readDayFiles,
  supersedeFiles,
} from '../../db/stores/archive-compaction.js'
import { smallBytesOf } from '../../domain/archive/plan-compaction.js'
import type { Config } from '../../platform/config.js'
import type { Registry } from '../../platform/metrics.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import { counter } from '../metric-series.js'

export interface CompactionParts {
  readonly db: Database
  readonly storage: ObjectStorage
  readonly registry: Registry
  readonly config: Config<
    'COMPACTION_FILE_BYTES' | 'COMPACTION_FILES_PER_MERGE' | 'COMPACTION_GRACE_MS' | 'COMPACTION_MEMORY_BYTES'
  >
}

/** What the activities that put files together need, on real servers. */
export function compactionDeps({ db, storage, registry, config }: CompactionParts): CompactionDeps {
  const merged = counter(registry, 'compacted_files_total', 'Files of the archive whose rows are in larger ones now')
  const written = counter(registry, 'compacted_bytes_total', 'Bytes of the larger ones')
  const removed = counter(registry, 'superseded_files_removed_total', 'Files that were put together and are gone')
  const limits = {
    fileBytes: config.COMPACTION_FILE_BYTES,
    filesPerMerge: config.COMPACTION_FILES_PER_MERGE,
    memoryLimitBytes: config.COMPACTION_MEMORY_BYTES,
  }
  return {
    compactionDays: (upTo, limit) => listCompactionDays(db, { upTo, smallBytes: smallBytesOf(limits), limit }),
    raiseCompactionFence: (of) => raiseCompactionFence(db, of),
    compactableFiles: (of) => readDayFiles(db, of),
    supersedeFiles: (file) => supersedeFiles(db, file),
    supersededFiles: (limit) => listSuperseded(db, config.COMPACTION_GRACE_MS, limit),
    forgetSuperseded: (paths) => forgetSuperseded(db, paths),
    namedFiles: (paths) => namedFiles(db, paths),
    storage,
    compaction: limits,
    onCompacted: (outcome) => {
      merged.inc(outcome.merged)
      written.inc(outcome.bytes)
    },
    onRemoved: (files) => removed.inc(files),
  }
}
