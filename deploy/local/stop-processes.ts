import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning, type ProcessIdentity } from './process-identity.js'

/** How one process is to be ended. */
export interface StopOrder extends ProcessIdentity {
  readonly name: string
  /** What asks it to end in good order. */
  readonly signal: NodeJS.Signals
  /** How long it may take before it is killed. */
  readonly boundMs: number
  /** Higher ends earlier; equal ends together. */
  readonly rank: number
}

const POLL_MS = 25

/** Ends every process, the highest rank first. Never throws and never takes longer than the sum of the ranks' bounds. */
export async function stopProcesses(orders: readonly StopOrder[]): Promise<void> {
  const ranks = [...new Set(orders.map((order) => order.rank))].sort((a, b) => b - a)
  for (const rank of ranks) await Promise.all(orders.filter((order) => order.rank === rank).map(stopProcess))
}

async function stopProcess(order: StopOrder): Promise<void> {
  if (!isRunning(order)) return
  send(order.pid, order.signal)
  if (await endsWithin(order, order.boundMs)) return
  killGroup(order.pid)
  await endsWithin(order, 5_000)
}

async function endsWithin(identity: ProcessIdentity, boundMs: number): Promise<boolean> {
  const endsAt = performance.now() + boundMs
  while (performance.now() < endsAt) {
    if (!isRunning(identity)) return true
    await sleep(POLL_MS)
  }
  return !isRunning(identity)
}

/** Kills a process and whatever else is in the group that it leads. */
export function killGroup(pid: number): void {
  if (!send(-pid, 'SIGKILL')) send(pid, 'SIGKILL')
}

/** Sends a signal. @returns false when nobody was there to get it */
export function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')) return false
    throw error
  }
}
