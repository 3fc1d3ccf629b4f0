import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ObjectStorage } from './object-storage.js'

const SCRATCH = '.unfinished'

/** Keeps objects as files below a folder. @throws when the folder cannot be made */
export async function openFileStorage(root: string): Promise<ObjectStorage> {
  const scratch = join(root, SCRATCH)
  const at = (key: string): string => join(root, ...key.split('/'))
  await mkdir(scratch, { recursive: true })
  return {
    url: pathToFileURL(root).href,
    scratchFile: (name) => join(scratch, name),
    put: async (scratchFile, key) => {
      const bytes = await syncFile(scratchFile)
      const path = at(key)
      const made = await mkdir(dirname(path), { recursive: true })
      await rename(scratchFile, path)
      await syncFolder(dirname(path))
      // A folder that was made is only there after a crash when its parent is on disk, too.
      if (made !== undefined) for (let d = dirname(path); d.length >= root.length; d = dirname(d)) await syncFolder(d)
      return { bytes }
    },
    withFiles: (_keys, work) => work(at),
    list: async (folder) => {
      const entries = await readdir(at(folder), { recursive: true, withFileTypes: true }).catch(emptyIfMissing)
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
        .map((path) => path.split(sep).join('/'))
    },
    // A rename is all or nothing.
    listUnfinished: () => Promise.resolve([]),
    removeUnfinished: () => Promise.resolve(),
    backlogs: () => [],
    listScratch: () => readdir(scratch),
    removeScratch: (name) => rm(join(scratch, name), { force: true }),
    remove: (key) => rm(at(key), { force: true }),
  }
}

function emptyIfMissing(error: unknown): [] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
  throw error
}

/** @returns its size in bytes */
async function syncFile(path: string): Promise<number> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
