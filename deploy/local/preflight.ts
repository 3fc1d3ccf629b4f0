import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Env } from '../../platform/env.js'
import { findJava } from './java.js'
import { LocalFault } from './local-fault.js'
import { isPortFree, ownerOfPort } from './ports.js'
import type { ServerName } from './servers.js'
import type { StackPort } from './stack-settings.js'

const MEGABYTE = 1_048_576
/** Below this, a server may stop in the middle of a write. */
export const LEAST_FREE_MB = 500

/** Finds what would keep a start from succeeding, before anything is started. @throws LocalFault naming the first */
export async function checkMachine(
  env: Env,
  parts: readonly ServerName[],
  ports: readonly StackPort[],
  folders: readonly string[],
): Promise<void> {
  if (process.platform === 'win32') {
    throw new LocalFault('the local stack runs on Linux and macOS', 'on Windows, use it in WSL')
  }
  for (const folder of folders) await checkDisk(folder)
  for (const port of ports) await checkPort(port)
  if (parts.includes('kafka') || parts.includes('registry')) await findJava(env)
}

async function checkDisk(folder: string): Promise<void> {
  const freeMb = await freeMegabytes(folder)
  if (freeMb >= LEAST_FREE_MB) return
  throw new LocalFault(
    `the disk of ${folder} is full: ${freeMb} MB are free, ${LEAST_FREE_MB} MB are needed`,
    'free some space, or choose other folders with GUARDIAN_DATA_DIR and GUARDIAN_CACHE_DIR',
  )
}

/** How much an ordinary user can still write on the disk of a folder, which need not exist yet. */
export async function freeMegabytes(folder: string): Promise<number> {
  if (!existsSync(folder)) return freeMegabytes(dirname(folder))
  const { bavail, bsize } = await statfs(folder)
  return Math.floor((bavail * bsize) / MEGABYTE)
}

async function checkPort({ port, variable, usedBy }: StackPort): Promise<void> {
  if (await isPortFree(port)) return
  const owner = ownerOfPort(port)
  throw new LocalFault(
    `port ${port}, which ${usedBy} is to use, is taken by ${owner ?? 'another process'}`,
    `end that, or choose another port with ${variable}=<port>`,
  )
}
