import { readFileSync, readdirSync } from 'node:fs'
import { isFault } from '../../deploy/local/local-fault.js'

/** What the kernel says about a process in `/proc/PID/stat`. */
export interface ProcStat {
  readonly parentPid: number
  /** User and system time, with that of children that have ended and been waited for. */
  readonly cpuSeconds: number
}

/** USER_HZ: what `/proc` counts in, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
/** Counted from the field after the name, which is in parentheses and may hold anything. */
const PPID = 1
const UTIME = 11
const CSTIME = 14
const KILOBYTE = 1_024

/** Reads a line of `/proc/PID/stat`. @throws Error when it is none */
export function parseStat(line: string): ProcStat {
  const fields = line
    .slice(line.lastIndexOf(')') + 1)
    .trim()
    .split(' ')
  const ticks = fields.slice(UTIME, CSTIME + 1).reduce((sum, field) => sum + Number(field), 0)
  const parentPid = Number(fields[PPID])
  if (fields.length <= CSTIME || !Number.isFinite(ticks) || !Number.isInteger(parentPid))
    throw new Error(`not a line of /proc/PID/stat: ${line.slice(0, 100)}`)
  return { parentPid, cpuSeconds: ticks / TICKS_PER_SECOND }
}

/** The highest resident memory so far, in bytes, out of `/proc/PID/status`. @throws Error when it is not there */
export function parsePeakBytes(status: string): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? []
  if (kilobytes === undefined) throw new Error('/proc/PID/status has no VmHWM')
  return Number(kilobytes) * KILOBYTE
}

/** CPU time of processes and of all that they have started, in seconds. @throws Error when one of them has ended */
export function cpuSecondsOf(roots: readonly number[]): number {
  const all = new Map<number, ProcStat>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(name) : undefined
    if (stat) all.set(Number(name), stat)
  }
  const isOurs = (pid: number): boolean => {
    const parentPid = all.get(pid)?.parentPid
    return roots.includes(pid) || (parentPid !== undefined && parentPid > 1 && isOurs(parentPid))
  }
  for (const pid of roots) if (!all.has(pid)) throw new Error(`process ${pid} has ended`)
  return [...all].reduce((sum, [pid, { cpuSeconds }]) => (isOurs(pid) ? sum + cpuSeconds : sum), 0)
}

/** The highest resident memory of processes so far, added up, in bytes. */
export const peakBytesOf = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + parsePeakBytes(readFileSync(`/proc/${pid}/status`, 'utf8')), 0)

function statOf(pid: string): ProcStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    if (isFault(error, 'ENOENT') || isFault(error, 'ESRCH')) return undefined // ended since the folder was listed
    throw error
  }
}
