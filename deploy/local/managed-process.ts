import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Env } from '../../platform/env.js'
import { LocalFault } from './local-fault.js'
import { identifyProcess } from './process-identity.js'
import type { Keeper } from './start-keeper.js'
import { killGroup, send } from './stop-processes.js'
import type { SystemUser } from './system-user.js'

/** How to start a process, to tell that it is ready, and to end it. */
export interface ProcessSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment of the process. */
  readonly env: Env
  readonly user?: SystemUser | undefined
  /** Gets standard output and error; the log of the run before is kept beside it, as `<logFile>.1`. */
  readonly logFile: string
  readonly stopSignal: NodeJS.Signals
  /** How long an orderly end may take before it is killed. */
  readonly stopBoundMs: number
  /** How long it may take to become ready before the start counts as failed. */
  readonly readyBoundMs: number
  /** Higher ends earlier. */
  readonly rank: number
  /** Asked again and again until it says yes. */
  readonly isReady: (probe: ReadyProbe) => boolean | Promise<boolean>
  /** Called when it has ended in good order because it was asked to. */
  readonly onStopped?: () => void
}

export interface ReadyProbe {
  readonly pid: number
  /** What the process has logged since this start. */
  readonly log: () => string
}

const READY_POLL_MS = 25
const TAIL_LINES = 15
/** Whoever killed us wants no long good-bye, and everything here survives a kill. */
const KEEPER_BOUND_MS = 5_000
const LOG_READ_BYTES = 1_048_576

/**
 * One child process, in a process group of its own so that Ctrl-C reaches it only through us, under the keeper's watch,
 * logging to a file.
 */
export class ManagedProcess {
  #child: ChildProcess | undefined
  #exited: Promise<string> = Promise.resolve('not started')
  #logFrom = 0
  #isStopping = false

  constructor(
    readonly spec: ProcessSpec,
    readonly keeper: Keeper,
  ) {}

  get name(): string {
    return this.spec.name
  }

  /** @returns undefined while it does not run */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined
  }

  get isRunning(): boolean {
    return this.#child?.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Whether its end was asked for by `stop`. */
  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Settles when the process that runs now has ended, with how it ended. */
  get exited(): Promise<string> {
    return this.#exited
  }

  /** Starts it and waits until it is ready. @throws LocalFault with the end of its log when it ends or dawdles */
  async start(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#child === undefined) rotate(this.spec.logFile)
    this.#isStopping = false
    this.#launch()
    try {
      await this.#becomeReady(signal)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Sends a signal, as a failure test does; a restart may follow. */
  kill(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) send(this.pid, signal)
  }

  /** Ends it in good order, or by force when that takes longer than its bound. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const pid = this.pid
    if (pid === undefined) return
    send(pid, this.spec.stopSignal)
    const force = setTimeout(() => killGroup(pid), this.spec.stopBoundMs)
    await this.#exited
    clearTimeout(force)
    if (this.#child?.signalCode === null) this.spec.onStopped?.()
  }

  /** Starts it anew with the same settings and data, after waiting for its end. */
  async restart(signal?: AbortSignal): Promise<void> {
    await this.stop()
    await this.start(signal)
  }

  /** The last lines that it logged. */
  logTail(): string {
    return this.#log().trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
  }

  #launch(): void {
    const { spec, keeper } = this
    mkdirSync(dirname(spec.logFile), { recursive: true, mode: 0o700 })
    const log = openSync(spec.logFile, 'a', 0o600)
    this.#logFrom = statSync(spec.logFile).size
    const child = spawn(spec.command, spec.args, {
      cwd: '/',
      env: { ...spec.env, ...keeper.mark },
      detached: true,
      stdio: ['ignore', log, log],
      ...(spec.user === undefined ? {} : { uid: spec.user.uid, gid: spec.user.gid }),
    })
    closeSync(log)
    this.#child = child
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, killedBy) => {
        if (child.pid !== undefined) keeper.forget(child.pid)
        resolve(killedBy === null ? `exit code ${code ?? 'unknown'}` : `killed by ${killedBy}`)
      })
    })
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid)
    if (identity === undefined) return
    keeper.watch({
      ...identity,
      name: spec.name,
      signal: spec.stopSignal,
      boundMs: Math.min(spec.stopBoundMs, KEEPER_BOUND_MS),
      rank: spec.rank,
    })
  }

  async #becomeReady(signal?: AbortSignal): Promise<void> {
    const end: { how?: string } = {}
    void this.#exited.then((how) => (end.how = how))
    const endsAt = performance.now() + this.spec.readyBoundMs
    const probe: ReadyProbe = { pid: this.#child?.pid ?? 0, log: () => this.#log() }
    for (;;) {
      signal?.throwIfAborted()
      if (end.how !== undefined) throw this.#notStarted(`ended while starting (${end.how})`)
      if (await this.spec.isReady(probe)) return
      if (performance.now() > endsAt) throw this.#notStarted(`was not ready after ${this.spec.readyBoundMs / 1_000} s`)
      await sleep(READY_POLL_MS)
    }
  }

  #notStarted(how: string): LocalFault {
    const tail = this.logTail()
    const said = tail === '' ? '' : `; its log ends:\n${tail.replace(/^/gm, '    ')}`
    return new LocalFault(`${this.name} ${how}${said}`, `the whole log is ${this.spec.logFile}`)
  }

  #log(): string {
    return readEnd(this.spec.logFile, this.#logFrom)
  }
}

/** A file's text from an offset on, or the last of it when that is more than is worth reading. */
function readEnd(path: string, from: number): string {
  if (!existsSync(path)) return ''
  const file = openSync(path, 'r')
  try {
    const size = statSync(path).size
    const start = Math.max(from, size - LOG_READ_BYTES)
    const bytes = Buffer.alloc(Math.max(0, size - start))
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start)).toString()
  } finally {
    closeSync(file)
  }
}

function rotate(logFile: string): void {
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`)
}
