import type { Writable } from 'node:stream'

/**
 * Waits until a receiver has taken what waits for it, or is gone.
 * @param stallMs how long it may take nothing before it is cut off; without it, whoever calls looks after that
 */
export function drained(out: Writable, stallMs?: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = stallMs === undefined ? undefined : setTimeout(() => out.destroy(), stallMs)
    const done = () => {
      clearTimeout(timer)
      out.off('drain', done).off('close', done)
      resolve()
    }
    if (out.destroyed) done()
    else out.once('drain', done).once('close', done)
  })
}
