import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { isFault } from '../../deploy/local/local-fault.js'

/** What a program took, with all that it started. */
export interface TimedRun {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMegabytes: number
  readonly output: string
}

const LOOK_EVERY_MS = 100
const TICKS_PER_SECOND = 100
const MEGABYTE = 1e6

/**
 * Runs a program to its end and says what it took, from its start on: what it loads belongs to it.
 * @throws Error when it fails
 */
export async function timedRun(
  [command = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  input: string,
): Promise<TimedRun> {
  const startedAt = performance.now()
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stdin.on('error', () => undefined) // it may not read what it is given
  child.stdin.end(input)
  const seen = { peakBytes: 0, cpuSeconds: 0 }
  const timer = setInterval(() => look(child.pid ?? -1, seen), LOOK_EVERY_MS)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  clearInterval(timer)
  if (code !== 0) throw new Error(`${args[0] ?? command} ended with ${String(code)}`)
  const { peakBytes, cpuSeconds } = seen
  return { seconds: (performance.now() - startedAt) / 1_000, cpuSeconds, peakMegabytes: peakBytes / MEGABYTE, output }
}

/** Adds up the resident memory and the CPU of a process and of all below it. What ends between two looks is missed. */
function look(root: number, seen: { peakBytes: number; cpuSeconds: number }): void {
  const all = new Map<number, { parent: number; ticks: number; pages: number }>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const fields = statOf(name)
    if (fields)
      all.set(Number(name), {
        parent: Number(fields[1]),
        ticks: Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]),
        pages: Number(fields[21]),
      })
  }
  const isOurs = (pid: number): boolean => pid === root || (pid > 1 && isOurs(all.get(pid)?.parent ?? 0))
  let [pages, ticks] = [0, 0]
  for (const [pid, one] of all) {
    if (!isOurs(pid)) continue
    pages += one.pages
    ticks += one.ticks
  }
  seen.peakBytes = Math.max(seen.peakBytes, pages * 4_096)
  seen.cpuSeconds = Math.max(seen.cpuSeconds, ticks / TICKS_PER_SECOND)
}

function statOf(pid: string): string[] | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return line
      .slice(line.lastIndexOf(')') + 1)
      .trim()
      .split(' ')
  } catch (error) {
    if (isFault(error, 'ENOENT') || isFault(error, 'ESRCH')) return undefined // ended since the folder was listed
    throw error
  }
}
