import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDuckDb, type DuckDb, type DuckDbSettings } from './duckdb.js'

/** An empty database for the time of the work; what does not fit its memory spills to a temporary folder, which goes with it. */
export async function withScratchDuckDb<T>(
  settings: Omit<DuckDbSettings, 'spillFolder'>,
  work: (db: DuckDb) => Promise<T>,
): Promise<T> {
  const spillFolder = await mkdtemp(join(tmpdir(), 'guardian-duckdb-'))
  try {
    const { value: db, stop } = await openDuckDb({ ...settings, spillFolder })
    try {
      return await work(db)
    } finally {
      await stop()
    }
  } finally {
    await rm(spillFolder, { recursive: true, force: true })
  }
}
