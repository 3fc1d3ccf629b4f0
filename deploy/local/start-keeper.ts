import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isFault } from './local-fault.js'
import { isRunning } from './process-identity.js'
import { stopProcesses, type StopOrder } from './stop-processes.js'

export type KeeperMessage =
  | { readonly op: 'watch'; readonly order: StopOrder }
  | { readonly op: 'forget'; readonly pid: number }
  | { readonly op: 'mark'; readonly marker: string }
  | { readonly op: 'remove'; readonly path: string }

/** Guards child processes against the death of this one. */
export interface Keeper {
  /** To be in the environment of every child: one that is not yet announced is found by it. */
  readonly mark: Readonly<Record<string, string>>
  watch: (order: StopOrder) => void
  forget: (pid: number) => void
  /** Has a temporary directory removed when this process ends, however it ends. */
  removeAtEnd: (path: string) => void
  /** Lets the keeper go; whatever it still watches is ended. */
  close: () => Promise<void>
}

/**
 * Starts the keeper process. If it is killed itself, a new one takes its place.
 * @param recordFile where the children are written down, for a later start to end them if keeper and main both died
 */
export function startKeeper(recordFile?: string): Keeper {
  const marker = randomUUID()
  const watched = new Map<number, StopOrder>()
  const doomed = new Set<string>()
  let isClosing = false
  let child = launch()

  function launch(): ChildProcess {
    const started = spawn(process.execPath, [fileURLToPath(new URL('keeper.js', import.meta.url))], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    started.unref()
    started.stdin.on('error', () => undefined) // its exit says the same, and is handled
    ;(started.stdin as unknown as { unref: () => void }).unref() // a pipe is a socket here, which its type does not say
    started.once('exit', () => {
      if (!isClosing) child = launch()
    })
    tell(started, { op: 'mark', marker: `GUARDIAN_KEEPER=${marker}` })
    for (const order of watched.values()) tell(started, { op: 'watch', order })
    for (const path of doomed) tell(started, { op: 'remove', path })
    return started
  }

  /** The record is for the unlikely case; a full disk, on which it cannot be written, is not to be the end of us. */
  function record(): void {
    if (recordFile === undefined) return
    try {
      writeFileSync(`${recordFile}.new`, JSON.stringify([...watched.values()]), { mode: 0o600 })
      renameSync(`${recordFile}.new`, recordFile)
    } catch (error) {
      if (!isFault(error, 'ENOSPC') && !isFault(error, 'EDQUOT')) throw error
    }
  }

  return {
    mark: { GUARDIAN_KEEPER: marker },
    watch: (order) => {
      watched.set(order.pid, order)
      tell(child, { op: 'watch', order })
      record()
    },
    forget: (pid) => {
      watched.delete(pid)
      tell(child, { op: 'forget', pid })
      record()
    },
    removeAtEnd: (path) => {
      doomed.add(path)
      tell(child, { op: 'remove', path })
    },
    close: () => {
      isClosing = true
      return new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) resolve()
        else child.once('exit', () => resolve()).ref()
        child.stdin?.end()
        if (recordFile !== undefined) rmSync(recordFile, { force: true })
      })
    },
  }
}

const tell = (child: ChildProcess, message: KeeperMessage): void => {
  child.stdin?.write(`${JSON.stringify(message)}\n`)
}

/** Ends what an earlier run left behind when it and its keeper were both killed. @returns the names of what it ended */
export async function stopOrphans(recordFile: string): Promise<string[]> {
  let orders: StopOrder[]
  try {
    orders = JSON.parse(readFileSync(recordFile, 'utf8')) as StopOrder[]
  } catch (error) {
    if (isFault(error, 'ENOENT') || error instanceof SyntaxError) return []
    throw error
  }
  const orphans = orders.filter(isRunning)
  await stopProcesses(orphans)
  rmSync(recordFile, { force: true })
  return orphans.map((order) => order.name)
}
