import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { readEnv, type Env } from '../../platform/env.js'
import { packageRoot } from '../../platform/package-root.js'
import { completeEnvFile } from './env-file.js'
import { LocalFault } from './local-fault.js'
import { isLock, takeLock, type FileLock } from './lock-file.js'
import { removeStackEnv } from './stack-env.js'
import { dataDirOf } from './stack-settings.js'
import { stopOrphans } from './start-keeper.js'

/** The data directory, held by this process alone, and the environment as the stack is to see it. */
export interface Workspace {
  readonly dataDir: string
  readonly env: Env
  /** Where the keeper's children are written down. */
  readonly childrenFile: string
  readonly lock: FileLock
}

/** The file that says which process holds a data directory. */
export const stackLockFile = (dataDir: string): string => join(dataDir, 'stack.lock')

/**
 * Takes the data directory and clears away what a killed run left: its processes, its lock, its addresses.
 * @throws LocalFault when a stack runs on it
 */
export async function openWorkspace(say: (text: string) => void): Promise<Workspace> {
  const before = readEnv()
  const dataDir = dataDirOf(before)
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  const lock = takeLock(stackLockFile(dataDir), `http://127.0.0.1:${before['PORT'] ? before['PORT'] : '8000'}`)
  if (!isLock(lock)) {
    throw new LocalFault(
      `it is already running (process ${lock.pid}) at ${lock.note}, with its data in ${dataDir}`,
      `use that one, end it with kill ${lock.pid}, or set GUARDIAN_DATA_DIR and other ports for a second one`,
    )
  }
  const childrenFile = join(dataDir, 'children.json')
  const orphans = await stopOrphans(childrenFile)
  if (orphans.length > 0) say(`ended what an earlier start had left running: ${orphans.join(', ')}`)
  removeStackEnv(dataDir)
  const created = completeEnvFile(join(packageRoot, '.env'))
  if (created.length > 0) say(`wrote .env with ${created.join(', ')}`)
  return { dataDir, env: readEnv(), childrenFile, lock }
}
