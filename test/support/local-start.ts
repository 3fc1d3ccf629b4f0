import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePorts } from '../../deploy/local/ports.js'
import { packageRoot } from '../../platform/package-root.js'

const BOOTSTRAP = join(packageRoot, 'deploy/local/bootstrap.mjs')
const PASSED_ON = ['PATH', 'HOME', 'JAVA_HOME', 'GUARDIAN_CACHE_DIR', 'XDG_CACHE_HOME', 'TMPDIR']
const PORTS = [
  'GUARDIAN_PG_PORT',
  'GUARDIAN_REGISTRY_PORT',
  'GUARDIAN_TEMPORAL_PORT',
  'GUARDIAN_TEMPORAL_UI_PORT',
  'DETECTOR_METRICS_PORT',
  'ORCHESTRATOR_METRICS_PORT',
  'API_METRICS_PORT',
  'ARCHIVER_METRICS_PORT',
]
/** Java compiles only what is cheap: a stack of a test ends before more would pay. */
const BRIEFLY = { JAVA_TOOL_OPTIONS: '-XX:TieredStopAtLevel=1' }
const GIVEN = ['DATABASE_URL', 'KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'TEMPORAL_ADDRESS']

/** An environment in which a stack of its own can be started, beside any other: free ports, servers of its own. */
export async function stackEnvironment(dataDir: string): Promise<Record<string, string>> {
  const [api = 0, kafka = 0, ...ports] = await findFreePorts(2 + PORTS.length)
  return {
    ...Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
    ...Object.fromEntries(PORTS.map((name, index) => [name, String(ports[index])])),
    ...Object.fromEntries(GIVEN.map((name) => [name, ''])),
    ...BRIEFLY,
    GUARDIAN_DATA_DIR: dataDir,
    GUARDIAN_KAFKA_PORT: String(kafka),
    PORT: String(api),
  }
}

/** A running `npm start`, in a process group of its own as a terminal would give it. */
export class LocalStart {
  readonly exited: Promise<number | null>
  readonly #child: ChildProcess
  #output = ''

  private constructor(command: string, args: readonly string[], env: Record<string, string>) {
    this.#child = spawn(command, args, { cwd: packageRoot, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    }
    this.exited = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)))
  }

  /** Starts as a user does. */
  static npm(env: Record<string, string>, ...args: string[]): LocalStart {
    return new LocalStart('npm', ['start', '--', ...args], env)
  }

  /** Starts without npm around it. */
  static direct(env: Record<string, string>, command: 'start' | 'reset', ...args: string[]): LocalStart {
    return new LocalStart(process.execPath, [BOOTSTRAP, command, ...args], env)
  }

  get output(): string {
    return this.#output
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Signals the first process alone. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Signals all that a terminal would: the whole process group. */
  killForeground(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal)
  }

  /** Waits until it has printed something. @throws Error with all it printed when it ends first, or takes too long */
  async prints(text: string, boundMs = 120_000): Promise<void> {
    const end: { code?: number | null } = {}
    void this.exited.then((code) => (end.code = code))
    for (const endsAt = performance.now() + boundMs; !this.#output.includes(text);) {
      if (end.code !== undefined) throw new Error(`ended with ${end.code} before "${text}":\n${this.#output}`)
      if (performance.now() > endsAt) throw new Error(`no "${text}" within ${boundMs / 1_000} s:\n${this.#output}`)
      await sleep(50)
    }
  }
}

/** The processes of a stack that run now, by what they do: those that it wrote down, and all that know its folder. */
export function processesOf(dataDir: string): Map<number, string> {
  const file = join(dataDir, 'children.json')
  const written = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { pid: number; name: string }[]) : []
  const found = new Map(written.map(({ pid, name }) => [pid, name]))
  if (process.platform === 'linux') {
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      if (`${procFile(name, 'cmdline')}${procFile(name, 'environ')}`.includes(dataDir)) {
        found.set(Number(name), procFile(name, 'cmdline').replaceAll('\0', ' '))
      }
    }
  }
  return new Map([...found].filter(([pid]) => isAlive(pid)))
}

/** Waits until none of these processes and none of the stack's run any more. */
export async function nothingLeft(dataDir: string, earlier: Map<number, string>, boundMs = 20_000): Promise<void> {
  const endsAt = performance.now() + boundMs
  for (;;) {
    const left = [...new Map([...earlier, ...processesOf(dataDir)])].filter(([pid]) => isAlive(pid))
    if (left.length === 0) return
    if (performance.now() > endsAt) {
      throw new Error(`still running: ${left.map(([pid, what]) => `${pid} ${what.slice(0, 80)}`).join('; ')}`)
    }
    await sleep(100)
  }
}

function procFile(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch (error) {
    return error instanceof Error ? '' : String(error) // it has just ended
  }
}

function isAlive(pid: number): boolean {
  if (process.platform === 'linux')
    return !['', 'Z', 'X'].includes(/\) (\w)/.exec(procFile(String(pid), 'stat'))?.[1] ?? '')
  return spawnSync('ps', ['-p', String(pid)]).status === 0
}
