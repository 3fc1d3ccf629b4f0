import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFault } from './local-fault.js'
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.js'

/** Who holds a lock. */
export interface LockHolder extends ProcessIdentity {
  /** What the holder wants others to know, such as where it can be reached. */
  readonly note: string
}

/** A held lock. */
export interface FileLock {
  release: () => void
}

/**
 * Takes a lock that is a file. A holder that no longer runs does not hold it.
 * @returns the lock, or who holds it
 */
export function takeLock(path: string, note: string): FileLock | LockHolder {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
  const own = identifyProcess(process.pid)
  if (own === undefined) throw new Error('this process cannot find itself in the list of processes')
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, JSON.stringify({ ...own, note }), { mode: 0o600 })
  try {
    for (;;) {
      if (link(draft, path)) return { release: () => rmSync(path, { force: true }) }
      const holder = lockHolder(path)
      if (holder !== undefined) return holder
      discardStale(path)
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Whether taking a lock gave the lock, or only its holder. */
export const isLock = (taken: FileLock | LockHolder): taken is FileLock => 'release' in taken

/** Who holds a lock now. @returns undefined when nobody does, or its holder has died */
export function lockHolder(path: string): LockHolder | undefined {
  let holder: LockHolder
  try {
    holder = JSON.parse(readFileSync(path, 'utf8')) as LockHolder
  } catch (error) {
    if (isFault(error, 'ENOENT') || error instanceof SyntaxError) return undefined
    throw error
  }
  return isRunning(holder) ? holder : undefined
}

/** Runs work under a lock, waiting for its holder as long as that one lives. */
export async function withLock<T>(
  path: string,
  onWait: (holder: LockHolder) => void,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    signal?.throwIfAborted()
    const taken = takeLock(path, '')
    if (isLock(taken)) {
      try {
        return await work()
      } finally {
        taken.release()
      }
    }
    onWait(taken)
    await sleep(200)
  }
}

function link(draft: string, path: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (isFault(error, 'EEXIST')) return false
    throw error
  }
}

/** Takes a dead holder's lock away; if a living one had just replaced it, that one gets it back. */
function discardStale(path: string): void {
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (isFault(error, 'ENOENT')) return
    throw error
  }
  if (lockHolder(aside) !== undefined) link(aside, path)
  rmSync(aside, { force: true })
}
