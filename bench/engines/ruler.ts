import { setTimeout as sleep } from 'node:timers/promises'
import type { Figures } from '../figures.js'
import { cpuSecondsOf, peakBytesOf } from './proc-usage.js'

/** A program that drains the topic, as the ruler sees it. */
export interface Draining {
  readonly pids: readonly number[]
  /** Records not processed yet; undefined while it has not begun. @throws Error when it has failed */
  readonly remaining: () => Promise<number | undefined>
}

/** To answer costs a detector some CPU: not more often than the other benches ask. */
const LOOK_EVERY_MS = 250
const STALLED_MS = 120_000
/** Of the events: what they cost is not counted, so that no engine pays for its just-in-time compiler. */
const WARM_UP_SHARE = 0.25

/**
 * Times a drain, the same way for every engine: from the first look at which it has processed a quarter of the events to
 * the one at which nothing is left. What came before is in neither the time, nor the CPU, nor the events; only peak
 * memory has it.
 * @throws Error when it makes no progress for two minutes
 */
export async function measure(
  { pids, remaining }: Draining,
  events: number,
  onProgress: (done: number) => void,
): Promise<Figures> {
  let first: { readonly left: number; readonly atMs: number; readonly cpuSeconds: number } | undefined
  let least = events
  let movedAtMs = performance.now()
  for (;;) {
    const left = await remaining()
    const atMs = performance.now()
    if (left !== undefined && left < least) {
      if (left <= events * (1 - WARM_UP_SHARE)) first ??= { left, atMs, cpuSeconds: cpuSecondsOf(pids) }
      least = left
      movedAtMs = atMs
      onProgress(events - left)
    }
    if (first && left !== undefined && left <= 0) {
      const counted = first.left - left
      if (counted === 0) throw new Error(`${events} events are over too soon to be measured: take more`)
      return {
        eventsPerSecond: counted / ((atMs - first.atMs) / 1_000),
        cpuMicrosecondsPerEvent: ((cpuSecondsOf(pids) - first.cpuSeconds) / counted) * 1e6,
        peakMegabytes: peakBytesOf(pids) / 1e6,
      }
    }
    if (atMs - movedAtMs > STALLED_MS)
      throw new Error(`no progress for ${STALLED_MS / 1_000} s, with ${least} records left`)
    await sleep(LOOK_EVERY_MS)
  }
}
