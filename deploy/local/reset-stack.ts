import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readEnv } from '../../platform/env.js'
import { LocalFault } from './local-fault.js'
import { isLock, takeLock } from './lock-file.js'
import { postgresHome } from './postgres-server.js'
import { dataDirOf } from './stack-settings.js'
import { stopOrphans } from './start-keeper.js'
import { stackLockFile } from './workspace.js'

/** What a stack makes in its data directory; anything else there is somebody else's, and stays. */
const OWN = [
  'postgres',
  'kafka',
  'registry',
  'temporal',
  'archive',
  'logs',
  'past-days.json',
  'process-states.json',
  's3',
  'stack.env',
  'children.json',
]

/**
 * Removes the data of the local stack. `.env` and the fetched servers stay.
 * @returns the folders that were removed
 * @throws LocalFault while the stack runs
 */
export async function resetStack(): Promise<string[]> {
  const dataDir = dataDirOf(readEnv())
  if (!existsSync(dataDir)) return []
  const lock = takeLock(stackLockFile(dataDir), '')
  if (!isLock(lock)) {
    throw new LocalFault(
      `the stack is running (process ${lock.pid})`,
      `end it first: Ctrl-C there, or kill ${lock.pid}`,
    )
  }
  await stopOrphans(join(dataDir, 'children.json'))
  const elsewhere = dirname(postgresHome(dataDir))
  const removed = OWN.map((name) => join(dataDir, name)).filter((path) => existsSync(path))
  if (elsewhere !== dataDir) removed.push(elsewhere)
  for (const path of removed) rmSync(path, { recursive: true, force: true })
  lock.release()
  if (readdirSync(dataDir).length === 0) rmdirSync(dataDir)
  return removed
}
