import { monotonicMs } from '../platform/clock.js'

/**
 * Remembers what `load` gave for a while. Callers that come while it loads wait for the same load; a load that failed
 * is not remembered.
 * @param keptMs how long an answer is given again, from the moment it was there
 * @param nowMs a clock that never goes back, in milliseconds
 */
export function cachedFor<T>(keptMs: number, load: () => Promise<T>, nowMs = monotonicMs): () => Promise<T> {
  let loading: Promise<T> | undefined
  let kept: { readonly value: T; readonly untilMs: number } | undefined
  const start = async (): Promise<T> => {
    try {
      const value = await Promise.resolve().then(load) // a load that throws at once is one that fails
      kept = { value, untilMs: nowMs() + keptMs }
      return value
    } finally {
      loading = undefined
    }
  }
  return () => {
    if (kept !== undefined && nowMs() < kept.untilMs) return Promise.resolve(kept.value)
    kept = undefined
    loading ??= start()
    return loading
  }
}
