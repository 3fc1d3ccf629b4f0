import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../platform/message-of.js'
import type { ProcessState } from '../../platform/process-states.js'
import type { ManagedProcess } from './managed-process.js'

/** How soon a process that crashes is restarted. */
export interface SupervisionPolicy {
  /** Before the first restart; doubled with each crash in a row. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  /** A process that has run for so long without a crash begins at the first pause again. */
  readonly calmMs: number
}

const POLICY: SupervisionPolicy = { firstPauseMs: 500, longestPauseMs: 60_000, calmMs: 300_000 }

/** From so many crashes in a row on, the terminal shows where the log is. */
const CRASHES_WITH_LOG = 3

export interface Supervision {
  readonly signal: AbortSignal
  readonly say: (text: string) => void
  /** Gets the state of a process that has crashed lately. */
  readonly states: { readonly set: (state: ProcessState) => void; readonly clear: (name: string) => void }
  readonly policy?: SupervisionPolicy
  /** 0 to 1. @default Math.random */
  readonly random?: () => number
}

/**
 * Restarts a process whenever it ends without having been asked to, however often: the pause before a restart doubles up
 * to a minute, less up to half of it by chance, so that processes that crash together do not restart together. Other
 * processes are left alone.
 * @returns when its end was asked for
 */
export async function supervise(process_: ManagedProcess, supervision: Supervision): Promise<void> {
  const { signal, say, states, policy = POLICY, random = Math.random } = supervision
  let crashes = 0
  let since = ''
  for (;;) {
    let cause: string | undefined = await endOf(process_, crashes > 0 ? policy.calmMs : undefined, () => {
      crashes = 0
      states.clear(process_.name)
    })
    if (process_.isStopping || isAborted(signal)) return
    while (cause !== undefined) {
      crashes++
      const now = new Date().toISOString()
      if (crashes === 1) since = now
      const longestMs = Math.min(policy.firstPauseMs * 2 ** (crashes - 1), policy.longestPauseMs)
      const pauseMs = longestMs * (1 - random() / 2)
      const state = { name: process_.name, crashes, cause: cause.slice(0, 100), since_ts: since, last_crash_ts: now }
      states.set({ ...state, status: 'restarting' })
      const log = crashes < CRASHES_WITH_LOG ? '' : `; its log is ${process_.spec.logFile}`
      say(`${process_.name} ended (${cause}), crash ${crashes}: restart in ${(pauseMs / 1_000).toFixed(1)} s${log}`)
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
      cause = await restart(process_, signal)
      if (isAborted(signal)) return
      if (cause === undefined) states.set({ ...state, status: 'running' })
    }
    say(`${process_.name} runs again`)
  }
}

/** Waits for the end of a process. @param onCalm called when it has run for `calmMs` */
async function endOf(process_: ManagedProcess, calmMs: number | undefined, onCalm: () => void): Promise<string> {
  const timer = calmMs === undefined ? undefined : setTimeout(onCalm, calmMs)
  try {
    return await process_.exited
  } finally {
    clearTimeout(timer)
  }
}

/** Asked through a function, as what it answers changes while others run. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted

/** @returns why it did not start, if it did not */
async function restart(process_: ManagedProcess, signal: AbortSignal): Promise<string | undefined> {
  try {
    await process_.start(signal)
    return undefined
  } catch (error) {
    const [what = ''] = messageOf(error).split('\n')
    return what.replace(`${process_.name} `, '').replace('; its log ends:', '')
  }
}
