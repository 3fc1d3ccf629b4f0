import type { Env } from '../../platform/env.js'
import { identifyProcess, isRunning, parentOf, programOf, type ProcessIdentity } from './process-identity.js'

const POLL_MS = 500

/**
 * Under npm, calls back once when npm has gone: a killed npm tells its child nothing. npm may stand right above this
 * process or behind a shell. Without npm, the terminal and its signals are what counts.
 * @returns ends the watch
 */
export function watchParent(env: Env, onGone: () => void): () => void {
  if (env['npm_lifecycle_event'] === undefined) return () => undefined
  const parent = process.ppid
  const above = isShell(parent) ? ancestor(parent) : undefined
  const timer = setInterval(() => {
    if (process.ppid === parent && (above === undefined || isRunning(above))) return
    clearInterval(timer)
    onGone()
  }, POLL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function ancestor(pid: number): ProcessIdentity | undefined {
  const parent = parentOf(pid)
  return parent === undefined || parent <= 1 ? undefined : identifyProcess(parent)
}

const isShell = (pid: number): boolean => /^(sh|dash|bash|zsh|ash|ksh)$/.test(programOf(pid) ?? '')
