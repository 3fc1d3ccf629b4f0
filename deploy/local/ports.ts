import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { spawnSync } from 'node:child_process'
import { isFault } from './local-fault.js'
import { programOf } from './process-identity.js'

/** Below the range from which the system takes ports for outgoing connections, so that it does not take these. */
const FREE_PORTS = { from: 15_000, to: 29_999 }
const taken = new Set<number>()

/** Finds ports that nobody listens on; none of them is given twice by this process. */
export async function findFreePorts(count: number): Promise<number[]> {
  const found: number[] = []
  while (found.length < count) {
    const port = FREE_PORTS.from + Math.floor(Math.random() * (FREE_PORTS.to - FREE_PORTS.from + 1))
    if (taken.has(port) || !(await isPortFree(port))) continue
    taken.add(port)
    found.push(port)
  }
  return found
}

/** Whether a port of 127.0.0.1 can be listened on. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => {
      if (isFault(error, 'EADDRINUSE') || isFault(error, 'EACCES')) resolve(false)
      else reject(error)
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** Who listens on a port, as far as this user may know. @returns such as "process 4711 (java)" */
export function ownerOfPort(port: number): string | undefined {
  const pid = process.platform === 'linux' ? ownerFromProc(port) : ownerFromLsof(port)
  if (pid === undefined) return undefined
  const program = programOf(pid)
  return program === undefined ? `process ${pid}` : `process ${pid} (${program})`
}

const LISTENING = '0A'

function ownerFromProc(port: number): number | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes = ['tcp', 'tcp6']
    .flatMap((table) => readOrNothing(() => readFileSync(`/proc/net/${table}`, 'utf8')).split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${hex}`) === true && fields[3] === LISTENING)
    .map((fields) => `socket:[${fields[9] ?? ''}]`)
  if (inodes.length === 0) return undefined
  const owner = readdirSync('/proc').find((name) => /^\d+$/.test(name) && hasOpen(name, inodes))
  return owner === undefined ? undefined : Number(owner)
}

function hasOpen(pid: string, inodes: readonly string[]): boolean {
  const files = readOrNothing(() => readdirSync(`/proc/${pid}/fd`).join('\n'))
  return files
    .split('\n')
    .filter((name) => name !== '')
    .some((file) => inodes.includes(readOrNothing(() => readlinkSync(`/proc/${pid}/fd/${file}`))))
}

function readOrNothing(read: () => string): string {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '' // another user's process, or one that has just ended
    throw error
  }
}

function ownerFromLsof(port: number): number | undefined {
  const found = spawnSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'], { encoding: 'utf8' })
  const pid = found.error === undefined ? Number.parseInt(found.stdout, 10) : Number.NaN
  return Number.isNaN(pid) ? undefined : pid
}
