import { UTC } from '../../../domain/shop-day.js'
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import {
  createCompactionActivities,
  type CompactedDay,
  type CompactionDeps,
} from '../../../activities/compaction/compaction-activities.js'
import { readDayState } from '../../../db/read-models/kpi-inputs.js'
import { supersedeFiles } from '../../../db/stores/archive-compaction.js'
import { compactedKey, compactedScratchName } from '../../../domain/archive/archive-file.js'
import { GuardianError } from '../../../domain/errors.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import { createRegistry } from '../../../platform/metrics.js'
import { openFileStorage } from '../../../platform/object-storage/file-storage.js'
import type { ObjectStorage } from '../../../platform/object-storage/object-storage.js'
import { compactionDeps } from '../../../workers/orchestrator/compaction-parts.js'
import { MadeArchive } from '../../support/made-archive.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const DAY = parseUtcDay('2026-10-01')
const NEXT = parseUtcDay('2026-10-02')
const OF = { dataset: 'clicks', day: DAY } as const
const CONFIG = {
  ...{ COMPACTION_FILE_BYTES: 1_048_576, COMPACTION_FILES_PER_MERGE: 4 },
  ...{ COMPACTION_GRACE_MS: 3_600_000, COMPACTION_MEMORY_BYTES: 67_108_864 },
}

describe('putting files of the archive together', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let root: string
  let storage: ObjectStorage
  let archive: MadeArchive

  before(async () => (database = await createMigratedDatabase('compaction')))
  after(() => database.drop())
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'guardian-compaction-test-'))
    storage = await openFileStorage(root)
    archive = new MadeArchive(database.db, storage)
    for (let n = 0; n < 6; n++) {
      await archive.roll(DAY, 0, 40 + n)
      await archive.roll(n < 3 ? DAY : NEXT, 1, 30)
    }
  })
  afterEach(async () => {
    await database.db.query(
      'TRUNCATE archive_files, archive_days, archive_checkpoints, archive_compactions, archive_superseded_files',
    )
    await rm(root, { recursive: true })
  })

  const depsWith = (more: Partial<CompactionDeps> = {}, config: Partial<typeof CONFIG> = {}): CompactionDeps => ({
    ...compactionDeps({ db: database.db, storage, registry: createRegistry('t'), config: { ...CONFIG, ...config } }),
    ...more,
  })
  const activity = () => new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') })
  const compact = (deps = depsWith()): Promise<CompactedDay> => {
    const { compactDay } = createCompactionActivities(deps)
    return activity().run<[typeof OF], CompactedDay, typeof compactDay>(compactDay, OF)
  }
  const removeSuperseded = (deps: CompactionDeps) => {
    const { removeSuperseded: remove } = createCompactionActivities(deps)
    return activity().run<[], { readonly removed: number }, typeof remove>(remove)
  }
  const named = async (): Promise<string[]> =>
    (await database.db.query<{ path: string }>('SELECT f.path FROM archive_files f ORDER BY f.path')).rows.map(
      ({ path }) => path,
    )
  const onDisk = async (): Promise<string[]> =>
    (await Promise.all(['clicks', 'purchases'].map((dataset) => storage.list(dataset)))).flat().sort()
  const rowsNow = async () => archive.rowsOf(await named())

  it('keeps every row as it was, in fewer files, and does not make the day stale', async () => {
    const [before, files, state] = [await rowsNow(), await named(), await readDayState(database.db, DAY, UTC)]
    assert.deepEqual(await depsWith().compactionDays(DAY, 10), [OF])
    const done = await compact()
    assert.deepEqual([done.merged, done.written, done.rows], [9, 3, 6 * 40 + 15 + 3 * 30])
    assert.deepEqual(await rowsNow(), before)
    assert.deepEqual(await readDayState(database.db, DAY, UTC), { ...state, files: 3 })
    const { rows } = await database.db.query<object>(
      `SELECT f.kafka_partition, f.first_offset, f.last_offset, f.row_count, f.first_day::text AS day FROM archive_files f
        WHERE f.first_day = $1 ORDER BY 1, 2`,
      [DAY],
    )
    assert.deepEqual(rows, [
      { kafka_partition: 0, first_offset: 0, last_offset: 495, row_count: 166, day: DAY },
      { kafka_partition: 0, first_offset: 498, last_offset: 762, row_count: 89, day: DAY },
      { kafka_partition: 1, first_offset: 0, last_offset: 267, row_count: 90, day: DAY },
    ])
    assert.equal(files.filter((path) => path.includes(NEXT)).length, 3)
    assert.deepEqual(
      (await named()).filter((path) => path.includes(NEXT)),
      files.filter((path) => path.includes(NEXT)),
    )
  })

  it('lets whoever asked the manifest before go on reading, and removes the parts when the time of grace is over', async () => {
    const [before, files] = [await rowsNow(), await named()]
    await compact()
    assert.deepEqual((await removeSuperseded(depsWith())).removed, 0)
    assert.deepEqual(await archive.rowsOf(files), before, 'the files of the manifest of before are all there')
    const late = depsWith({}, { COMPACTION_GRACE_MS: 0 })
    // The file of one is gone already, as after an attempt that was killed in between.
    await storage.remove(files[0] ?? '')
    assert.deepEqual((await removeSuperseded(late)).removed, 9)
    assert.deepEqual(await onDisk(), await named())
    assert.deepEqual(await rowsNow(), before)
    assert.deepEqual((await removeSuperseded(late)).removed, 0)
  })

  it('does nothing to a day twice; what comes later is put together with what is there', async () => {
    await compact()
    await compact()
    await archive.roll(DAY, 0, 5)
    await archive.roll(DAY, 1, 5)
    const before = await rowsNow()
    await compact()
    assert.deepEqual(await rowsNow(), before)
    assert.equal((await named()).filter((path) => path.includes(DAY)).length, 2)
    assert.deepEqual(await depsWith().compactionDays(NEXT, 10), [{ dataset: 'clicks', day: NEXT }])
  })

  it('goes on after an attempt that ended anywhere, and leaves nothing of it', async () => {
    const before = await rowsNow()
    const ends = () => Promise.reject(new Error('killed'))
    const { supersedeFiles: supersede } = depsWith()
    const places: Record<string, Partial<CompactionDeps>> = {
      'before the file has its key': { storage: { ...storage, put: ends } },
      'before it is named': { supersedeFiles: ends },
      'after it is named, unheard': {
        supersedeFiles: async (file) => {
          await supersede(file)
          throw new GuardianError('GRD_COMMIT_UNKNOWN', 'the answer was lost')
        },
      },
    }
    for (const [where, broken] of Object.entries(places)) {
      await assert.rejects(compact(depsWith(broken)), where)
      assert.deepEqual(await rowsNow(), before, where)
      const left = (await onDisk()).length + (await storage.listScratch()).length
      assert.equal(left, 13, `${where}: what it wrote, beside the twelve files`)
    }
    await compact()
    await removeSuperseded(depsWith({}, { COMPACTION_GRACE_MS: 0 }))
    assert.deepEqual(await rowsNow(), before)
    assert.deepEqual(await onDisk(), await named())
    assert.deepEqual(await storage.listScratch(), [])
  })

  it('ignores a file that no row names, and removes it', async () => {
    const stray = { ...OF, partition: 0, log: 1, fence: 0, fromOffset: 0, toOffset: 900 }
    const before = await rowsNow()
    await writeFile(join(root, compactedKey(stray)), 'no parquet')
    await writeFile(storage.scratchFile(compactedScratchName(stray)), 'half')
    await compact()
    assert.deepEqual(await rowsNow(), before)
    assert.ok(!(await onDisk()).includes(compactedKey(stray)))
    assert.deepEqual(await readdir(join(root, '.unfinished')), [])
  })

  it('changes nothing when a later attempt has begun, or the manifest is another one', async () => {
    const before = await rowsNow()
    let overtaken = false
    const behind = depsWith({
      supersedeFiles: async (file) => {
        if (!overtaken) await compact(depsWith()).finally(() => (overtaken = true))
        await supersedeFiles(database.db, file)
      },
    })
    await assert.rejects(compact(behind), { type: 'GRD_FENCED' })
    assert.ok(overtaken)
    assert.deepEqual(await rowsNow(), before)
    await removeSuperseded(depsWith({}, { COMPACTION_GRACE_MS: 0 }))
    assert.deepEqual(await onDisk(), await named())

    await archive.roll(DAY, 0, 5)
    const gone = depsWith({
      supersedeFiles: async (file) => {
        await database.db.query("UPDATE archive_files SET path = path || '.moved' WHERE path = $1", [file.sources[0]])
        await supersedeFiles(database.db, file)
      },
    })
    const names = await named()
    await assert.rejects(compact(gone), { type: 'GRD_STORE_CONFLICT' })
    assert.equal((await named()).length, names.length)
    assert.ok(!(await onDisk()).some((key) => key.includes('-c000003-')), 'what it wrote is gone')
  })

  it('leaves what an archiver names meanwhile as it is', async () => {
    const busy = depsWith({
      supersedeFiles: async (file) => {
        await archive.roll(DAY, 0, 7)
        await supersedeFiles(database.db, file)
      },
    })
    const rows = (await rowsNow()).length
    await compact(busy)
    const after = await rowsNow()
    assert.deepEqual([after.length, new Set(after).size], [rows + 3 * 7, rows + 3 * 7])
  })
})
