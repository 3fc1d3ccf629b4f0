import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Gets the file of a key to a path. */
export type FetchFile = (key: string, path: string) => Promise<void>

interface Kept {
  readonly path: string
  readonly bytes: number
  /** How many read it now: it stays as long. */
  readers: number
}

const AT_ONCE = 4
const FOLDER = /^kept-(\d+)$/

/**
 * Copies of files on this machine, for what cannot read them where they are. Those that were used longest ago go when they
 * are more bytes than may be kept. Each process has a folder of its own, and removes those of processes that are no more.
 */
export class KeptFiles {
  readonly #folder: string
  readonly #maxBytes: number
  readonly #fetch: FetchFile
  /** In the order of their last use. */
  readonly #kept = new Map<string, Kept>()
  #fetched = 0
  readonly #fetching = new Map<string, Promise<Kept>>()

  constructor(parent: string, maxBytes: number, fetch: FetchFile) {
    for (const name of readdirSync(parent)) {
      const pid = Number(FOLDER.exec(name)?.[1] ?? process.pid)
      if (FOLDER.test(name) && (pid === process.pid || !isAlive(pid))) rmSync(join(parent, name), { recursive: true })
    }
    this.#folder = join(parent, `kept-${process.pid}`)
    mkdirSync(this.#folder)
    this.#maxBytes = maxBytes
    this.#fetch = fetch
  }

  get bytes(): number {
    return [...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Has the files of keys here while `work` reads them. @throws Error when they alone are more than may be kept */
  async with<T>(keys: readonly string[], work: (pathOf: (key: string) => string) => Promise<T>): Promise<T> {
    const mine = new Map<string, Kept>()
    try {
      const waiting = [...new Set(keys)]
      const take = async (): Promise<void> => {
        for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
          mine.set(key, await this.#take(key))
          await this.#makeRoom()
        }
      }
      const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, take))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      return await work((key) => pathIn(mine, key))
    } finally {
      for (const kept of mine.values()) kept.readers--
      await this.#makeRoom().catch(() => undefined) // the next one who needs room tries again, and tells
    }
  }

  async #take(key: string): Promise<Kept> {
    let kept = this.#kept.get(key)
    if (!kept) {
      const fetching = this.#fetching.get(key) ?? this.#fetchNew(key).finally(() => this.#fetching.delete(key))
      this.#fetching.set(key, fetching)
      kept = await fetching
    }
    kept.readers++
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return kept
  }

  async #fetchNew(key: string): Promise<Kept> {
    const path = join(this.#folder, String(++this.#fetched))
    try {
      await this.#fetch(key, path)
      return { path, bytes: (await stat(path)).size, readers: 0 }
    } catch (error) {
      await rm(path, { force: true }) // a part of it would count against no cap
      throw error
    }
  }

  async #makeRoom(): Promise<void> {
    for (const [key, kept] of this.#kept) {
      if (this.bytes <= this.#maxBytes) return
      if (kept.readers > 0) continue
      this.#kept.delete(key)
      await rm(kept.path, { force: true })
    }
    if (this.bytes > this.#maxBytes)
      throw new Error(`files in use are ${this.bytes} bytes, and S3_KEPT_BYTES allows ${this.#maxBytes}: raise it`)
  }
}

function pathIn(files: ReadonlyMap<string, Kept>, key: string): string {
  const kept = files.get(key)
  if (!kept) throw new Error(`${key} was not asked for`)
  return kept.path
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}
