/**
 * The keeper: a process of its own that outlives the one that started it by just as long as it takes to end that one's
 * children. Its standard input is a pipe that only the main process holds; when the pipe closes, for whatever reason
 * (an orderly end, kill -9), every process that is still on the list is ended, and so is the keeper.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { identifyProcess } from './process-identity.js'
import type { KeeperMessage } from './start-keeper.js'
import { killGroup, stopProcesses, type StopOrder } from './stop-processes.js'

const watched = new Map<number, StopOrder>()
const doomedPaths = new Set<string>()
let marker: string | undefined

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

createInterface({ input: process.stdin })
  .on('line', (line) => apply(JSON.parse(line) as KeeperMessage))
  .on('close', () => void end())

function apply(message: KeeperMessage): void {
  if (message.op === 'watch') watched.set(message.order.pid, message.order)
  else if (message.op === 'forget') watched.delete(message.pid)
  else if (message.op === 'mark') marker = message.marker
  else doomedPaths.add(message.path)
}

async function end(): Promise<void> {
  await stopProcesses([...watched.values()])
  for (const pid of markedProcesses()) killGroup(pid)
  for (const path of doomedPaths) rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  process.exit(0)
}

/** Processes that the main process had started but not yet announced when it died: they carry its mark. */
function markedProcesses(): number[] {
  if (marker === undefined || process.platform !== 'linux') return []
  const mark = marker
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(mark) && identifyProcess(pid) !== undefined)
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch (error) {
    return error instanceof Error ? '' : String(error)
  }
}
