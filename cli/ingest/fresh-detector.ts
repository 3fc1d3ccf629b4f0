import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FreshLog } from '../../domain/fresh-log.js'
import { LARGE_STATE_ENV } from '../../platform/large-state.js'
import type { Part } from '../../platform/lifecycle.js'
import { packageRoot } from '../../platform/package-root.js'
import type { Env } from '../../platform/env.js'

/** The detector of one fresh log: the program that decides the live topics, as a process that ends with this one. */
export interface FreshDetector {
  /** @throws with the end of its log once it has ended by itself */
  assertRunning(): void
  /** Has it commit what it has decided, and waits until it has ended. May be repeated. */
  stop(): Promise<void>
}

const MAIN = join(packageRoot, 'dist', 'workers', 'detector', 'main.js')
/** Above SHUTDOWN_DEADLINE_MS, within which it ends by itself. */
const STOP_BOUND_MS = 25_000
const KEPT_LOG_CHARS = 16_384
const SHOWN_LOG_CHARS = 2_000

/** Its checkpoints are what the command waits for. */
const CHECKPOINT_INTERVAL_MS = '500'

/** Starts it. Ctrl-C reaches it, too; it also ends when the command is gone. */
export function startFreshDetector(log: FreshLog, env: Env): Part<FreshDetector> {
  const child = fork(MAIN, {
    env: {
      ...LARGE_STATE_ENV,
      ...env,
      FRESH_LOG: log.name,
      DETECTOR_GROUP_ID: log.groupId,
      DETECTOR_METRICS_PORT: '0',
      CHECKPOINT_INTERVAL_MS,
    },
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const lines = keepLog(child)
  let failure: Error | undefined
  let isStopping = false
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      failure = error
      resolve()
    })
    child.once('close', (code) => {
      if (!isStopping || code !== 0)
        failure ??= new Error(`the detector of ${log.topic} ended with code ${String(code)}: ${lines()}`)
      resolve()
    })
  })
  const stop = async () => {
    isStopping = true
    child.kill('SIGTERM')
    const force = new AbortController()
    void sleep(STOP_BOUND_MS, undefined, { signal: force.signal }).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    )
    await ended
    force.abort()
  }
  const assertRunning = () => {
    if (failure !== undefined) throw failure
  }
  return { value: { assertRunning, stop }, stop }
}

/** @returns gives the end of what the process has logged */
function keepLog({ stderr }: ChildProcess): () => string {
  let text = ''
  stderr?.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-KEPT_LOG_CHARS)))
  return () => text.slice(-SHOWN_LOG_CHARS).trim()
}
