import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../platform/message-of.js'
import { LocalFault } from './local-fault.js'
import type { ManagedProcess } from './managed-process.js'

/** When a process that ends by itself is started again, and when no more. */
export interface SupervisionPolicy {
  readonly maxCrashes: number
  readonly windowMs: number
  readonly firstPauseMs: number
  readonly longestPauseMs: number
}

const POLICY: SupervisionPolicy = { maxCrashes: 5, windowMs: 60_000, firstPauseMs: 500, longestPauseMs: 8_000 }

/**
 * Starts a process again whenever it ends without having been asked to, after a pause that grows with each crash.
 * @returns when its end was asked for
 * @throws LocalFault when it crashes too often
 */
export async function supervise(
  process_: ManagedProcess,
  signal: AbortSignal,
  say: (text: string) => void,
  policy = POLICY,
): Promise<void> {
  let crashes: number[] = []
  for (;;) {
    let cause: string | undefined = await process_.exited
    if (process_.isStopping || isAborted(signal)) return
    while (cause !== undefined) {
      const now = performance.now()
      crashes = [...crashes.filter((at) => now - at < policy.windowMs), now]
      if (crashes.length >= policy.maxCrashes) throw crashedTooOften(process_, crashes.length, policy, cause)
      const pauseMs = Math.min(policy.firstPauseMs * 2 ** (crashes.length - 1), policy.longestPauseMs)
      say(`${process_.name} ended (${cause}): starting it again in ${pauseMs / 1_000} s`)
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
      cause = await restart(process_, signal)
      if (isAborted(signal)) return
    }
    say(`${process_.name} runs again`)
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

const crashedTooOften = (
  process_: ManagedProcess,
  count: number,
  policy: SupervisionPolicy,
  cause: string,
): LocalFault =>
  new LocalFault(
    `${process_.name} ended ${count} times within ${policy.windowMs / 1_000} s (${cause}); its log ends:\n${process_.logTail().replace(/^/gm, '    ')}`,
    `the whole log is ${process_.spec.logFile}`,
  )
