import { findFreePorts } from '../../deploy/local/ports.js'

/** Asks a process for its longest pause again and again: its metrics forget it each time. */
export interface LoopWatch {
  /** For the process's environment. */
  readonly port: string
  /** The longest pause of the event loop that any answer told of, in ms. */
  stop(): Promise<number>
}

/** Watches the event loop of a process that serves metrics on the port given. */
export async function watchLoop(everyMs = 250): Promise<LoopWatch> {
  const [port = 0] = await findFreePorts(1)
  let worst = 0
  const look = async (): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined)
    const text = (await answer?.text()) ?? ''
    const seconds = Number(/^nodejs_eventloop_lag_max_seconds\S* (\S+)$/m.exec(text)?.[1] ?? 0)
    worst = Math.max(worst, seconds * 1_000)
  }
  let last = Promise.resolve()
  const timer = setInterval(() => {
    last = last.then(look)
  }, everyMs)
  return {
    port: String(port),
    stop: async () => {
      clearInterval(timer)
      await last.then(look)
      return worst
    },
  }
}
