import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { WorkflowHandle } from '@temporalio/client'
import { namedFiles } from '../../db/stores/archive.js'
import { parseUtcDay } from '../../domain/utc-day.js'
import { loadConfig } from '../../platform/config.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import { openStorage, STORAGE_VARIABLES } from '../../platform/object-storage/open-storage.js'
import { writeWorkflowBundle } from '../../workers/orchestrator/workflow-bundle.js'
import { WORKFLOWS, type CompactArchiveInput, type CompactArchiveResult } from '../../workflows/contract.js'
import { ServiceProcess, waitUntil } from '../support/child-process.js'
import { MadeArchive } from '../support/made-archive.js'
import { startS3Server } from '../support/s3-server.js'
import { testStack } from '../support/stack.js'
import { openTemporalClient, quietTemporal, removeSchedule, type TemporalClient } from '../support/temporal-client.js'
import { createMigratedDatabase, type MigratedDatabase } from '../support/test-pool.js'

const DAY = parseUtcDay('2026-10-01')
const SCHEDULES = Object.values(WORKFLOWS).flatMap((one) => ('scheduleId' in one ? [one.scheduleId] : []))

/** Where the archive is, and what processes are told of it. */
interface Place {
  readonly env: Readonly<Record<string, string>>
  readonly stop: () => Promise<void>
}

/** A day of small files on a storage, and the orchestrator that puts them together. */
export class CompactionStage {
  readonly #database: MigratedDatabase
  readonly #temporal: TemporalClient
  readonly #env: Readonly<Record<string, string>>
  readonly #place: Place
  readonly #folder: string
  readonly #storage: ObjectStorage
  readonly #processes: ServiceProcess[] = []
  #archive: MadeArchive
  #expected: readonly string[] = []

  private constructor(
    parts: { database: MigratedDatabase; temporal: TemporalClient; place: Place; folder: string },
    env: Readonly<Record<string, string>>,
    storage: ObjectStorage,
  ) {
    this.#database = parts.database
    this.#temporal = parts.temporal
    this.#place = parts.place
    this.#folder = parts.folder
    this.#env = env
    this.#storage = storage
    this.#archive = new MadeArchive(parts.database.db, storage)
  }

  static async open(kind: 'file' | 's3'): Promise<CompactionStage> {
    quietTemporal()
    await writeWorkflowBundle()
    const { temporalAddress } = await testStack('postgres', 'temporal')
    const temporal = await openTemporalClient(temporalAddress)
    for (const id of SCHEDULES) await removeSchedule(temporal.client, id)
    const folder = mkdtempSync(join(tmpdir(), 'guardian-compaction-'))
    const place = await placeOf(kind, folder)
    const database = await createMigratedDatabase('compaction')
    const env = {
      ...place.env,
      ...{ DATABASE_URL: database.url, TEMPORAL_ADDRESS: temporalAddress, ORCHESTRATOR_METRICS_PORT: '0' },
      ...{ KAFKA_BROKERS: '127.0.0.1:1', SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1', GUARDIAN_DATA_DIR: folder },
      ...{ COMPACTION_GRACE_MS: '0', COMPACTION_FILES_PER_MERGE: '4' },
    }
    const storage = await openStorage(loadConfig(STORAGE_VARIABLES, env))
    return new CompactionStage({ database, temporal, place, folder }, env, storage)
  }

  /** A day of small files in two partitions, in place of what was there. */
  async fill(): Promise<void> {
    const { db } = this.#database
    await db.query(
      'TRUNCATE archive_files, archive_days, archive_checkpoints, archive_compactions, archive_superseded_files, pipeline_runs',
    )
    for (const key of await this.#storage.list('clicks')) await this.#storage.remove(key)
    this.#archive = new MadeArchive(db, this.#storage)
    for (let n = 0; n < 6; n++) for (const partition of [0, 1]) await this.#archive.roll(DAY, partition, 40 + n)
    this.#expected = await this.#archive.rowsOf(await this.#named())
  }

  /** @param root of a copy of the product @param crashAt where it ends itself, for a copy that does */
  async orchestrator(root?: string, crashAt?: string): Promise<ServiceProcess> {
    const env = crashAt === undefined ? this.#env : { ...this.#env, CRASH_AT: crashAt }
    const started = new ServiceProcess('workers/orchestrator/main.js', env, root)
    this.#processes.push(started)
    await waitUntil(
      () => started.output,
      90_000,
      () => Promise.resolve(started.says('orchestrator_started') > 0 || !started.isRunning),
    )
    for (const id of SCHEDULES) await removeSchedule(this.#temporal.client, id)
    return started
  }

  begin(): Promise<WorkflowHandle> {
    const { type, taskQueue, workflowId } = WORKFLOWS.compactArchive
    const input: CompactArchiveInput = { day: DAY, maxDays: 10 }
    return this.#temporal.client.workflow.start(type, {
      taskQueue,
      workflowId: `${workflowId(DAY)}:${randomUUID()}`,
      args: [input],
    })
  }

  /** Has it run until nothing is left to put together, nor to remove. */
  async settle(): Promise<void> {
    for (let run = 1; run <= 5; run++) {
      const { merged, removed } = (await (await this.begin()).result()) as CompactArchiveResult
      if (merged + removed === 0) return
    }
    throw new Error('there is always something left to put together')
  }

  /** What a reader of the manifest finds otherwise than what was archived. */
  async wrongRows(when: string): Promise<string[]> {
    const found = await this.#archive.rowsOf(await this.#named()).catch((error: unknown) => String(error))
    if (typeof found === 'string') return [`${when}: ${found.slice(0, 300)}`]
    if (isDeepStrictEqual(found, this.#expected)) return []
    const [read, unique] = [found.length, new Set(found).size]
    return [`${when}: ${read} rows are read, ${unique} of them different, and ${this.#expected.length} were archived`]
  }

  /** What is left beside the files of the manifest, or is not as it should be, when all is done. */
  async leftovers(): Promise<string[]> {
    const [named, onDisk] = [await this.#named(), (await this.#storage.list('clicks')).sort()]
    const unfinished = await this.#storage.listUnfinished('clicks')
    const scratch = await this.#storage.listScratch()
    return [
      ...onDisk.filter((key) => !named.includes(key)).map((key) => `left behind: ${key}`),
      ...named.filter((key) => !onDisk.includes(key)).map((key) => `named, and not there: ${key}`),
      ...unfinished.map((key) => `left unfinished: ${key}`),
      ...scratch.map((name) => `left in scratch: ${name}`),
      ...(named.length < 12 ? [] : ['nothing was put together']),
    ]
  }

  /** Files that nobody may read, such as a kill leaves: neither in the manifest nor in it until lately. */
  async orphans(): Promise<number> {
    const keys = await this.#storage.list('clicks')
    const named = await namedFiles(this.#database.db, keys)
    const unfinished = await this.#storage.listUnfinished('clicks')
    return keys.length - named.size + unfinished.length + (await this.#storage.listScratch()).length
  }

  async close(): Promise<void> {
    for (const one of this.#processes) if (one.isRunning) await one.kill()
    for (const id of SCHEDULES) await removeSchedule(this.#temporal.client, id)
    await this.#temporal.close()
    await this.#database.drop()
    await this.#place.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #named(): Promise<string[]> {
    const { rows } = await this.#database.db.query<{ path: string }>(
      'SELECT f.path FROM archive_files f ORDER BY f.path',
    )
    return rows.map(({ path }) => path)
  }
}

async function placeOf(kind: 'file' | 's3', folder: string): Promise<Place> {
  if (kind === 'file')
    return { env: { ARCHIVE_URL: `file://${join(folder, 'archive')}` }, stop: () => Promise.resolve() }
  return startS3Server(folder)
}
