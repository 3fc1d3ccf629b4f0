import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../platform/package-root.js'
import { withOwnLogin } from './process-logins.js'

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

const dist = (path: string): string => join(packageRoot, 'dist', path)

/** Runs `guardian` as a shell would, to its end. */
export async function runGuardian(
  args: readonly string[],
  env: Record<string, string>,
  stdin?: Buffer,
): Promise<Finished> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [dist('cli/main.js'), ...args], { env: { ...passedOn(), ...env } })
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  child.stdin.on('error', () => undefined) // a command that does not read its input may end before it is written
  child.stdin.end(stdin)
  const code = await exitOf(child)
  return { code, stdout: stdout(), stderr: stderr(), seconds: (performance.now() - startedAt) / 1_000 }
}

/** Ended with this process: one that is frozen would not even notice that its servers are gone. */
const running = new Set<ChildProcess>()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** A process of the product, with the database login that it has, which runs until it is stopped or killed. */
export class ServiceProcess {
  readonly exited: Promise<number | null>
  readonly #child: ChildProcess
  readonly #output: () => string

  /** @param root the folder whose dist/ is run: the product as it is, or a copy with something changed in it */
  constructor(script: string, env: Record<string, string>, root = packageRoot) {
    const child = spawn(process.execPath, [join(root, 'dist', script)], {
      env: { ...passedOn(), ...withOwnLogin(script, env) },
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    this.#child = child
    this.#output = collect(child.stderr)
    running.add(child)
    child.once('close', () => running.delete(child))
    this.exited = exitOf(child)
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The most memory that it ever had, as Linux counts it. @throws when it has ended */
  peakBytes(): number {
    const status = readFileSync(`/proc/${String(this.#child.pid)}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) * 1_024
  }

  /** The end of its log, for whoever reads why it failed. */
  get output(): string {
    return this.log.slice(-4_000)
  }

  /** The last megabyte of its log. What is looked for may lie far before the end, when a client repeats itself. */
  get log(): string {
    return this.#output()
  }

  /** How often its log says something, in its last megabyte. */
  says(text: string): number {
    return this.log.split(text).length - 1
  }

  /** What its log has last said that fits a pattern's first group, in its last megabyte. */
  said(pattern: RegExp): string | undefined {
    return [...this.log.matchAll(new RegExp(pattern, 'g'))].at(-1)?.[1]
  }

  /** Holds it where it is, as a long pause of its machine would, until `thaw`. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }

  /** Asks it to stop in order. @throws with its log when it does not end with code 0 */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const code = await this.exited
    if (code !== 0) throw new Error(`ended with code ${String(code)}:\n${this.output}`)
  }
}

/** Waits until `isTrue` answers true. @throws with `what` when the deadline has passed */
export async function waitUntil(
  what: () => string,
  deadlineMs: number,
  isTrue: () => Promise<boolean>,
  everyMs = 50,
): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${deadlineMs} ms: ${what()}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code))
  })

/** Keeps the last megabyte of what a stream says. */
function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-1_000_000)))
  return () => text
}

function passedOn(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME }
}
