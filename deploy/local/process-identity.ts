import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, as the system writes it; compared, never read. */
  readonly startedAt: string
}

/** Names a process so that it can be recognised later. @returns undefined when no such process runs */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** Whether that very process still runs; a zombie does not, and neither does another process with its number. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startedAt === identity.startedAt
}

/** The process that started this one. @returns undefined when it cannot be told */
export function parentOf(pid: number): number | undefined {
  const text = process.platform === 'linux' ? statFields(pid)?.[1] : ps(pid, 'ppid')
  return text === undefined ? undefined : Number(text)
}

/** The name of a process's program, without its folder. @returns undefined when it cannot be told */
export function programOf(pid: number): string | undefined {
  const name = process.platform === 'linux' ? fromProc(pid, 'comm') : ps(pid, 'comm')
  return name?.trim().replace(/^.*\/|^-/, '')
}

function startFromProc(pid: number): string | undefined {
  const fields = statFields(pid)
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined
  return fields[19]
}

/** The fields of /proc/<pid>/stat from the state on: the name before them may hold spaces and brackets. */
function statFields(pid: number): string[] | undefined {
  const stat = fromProc(pid, 'stat')
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function fromProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')

function startFromPs(pid: number): string | undefined {
  const state = ps(pid, 'state')
  return state === undefined || state.startsWith('Z') ? undefined : ps(pid, 'lstart')
}

function ps(pid: number, field: string): string | undefined {
  const { error, stdout } = spawnSync('ps', ['-o', `${field}=`, '-p', String(pid)], { encoding: 'utf8' })
  if (error !== undefined) throw error
  return stdout.trim() === '' ? undefined : stdout.trim()
}
