/*
 * Memory of a detector with many live sessions and a long deduplication horizon, at a live pace. Sessions take turns, so
 * that all of them are live once each has had its first event.
 * `npm run bench -- sessions [events per second] [seconds] [sessions] [horizon in seconds]`
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Click } from '../domain/events.js'
import { eventStream } from './event-stream.js'
import { produceLive } from './produce-live.js'
import { openStage, startDetector, type DetectorSample } from './stage.js'

export interface SessionsOptions {
  readonly perSecond: number
  readonly seconds: number
  readonly sessions: number
  /** Events may be so late, so ids are kept for so long. */
  readonly horizonSeconds: number
}

function* clicks(sessions: number): Generator<Click> {
  let n = 0
  for (const click of eventStream(Number.MAX_SAFE_INTEGER, 5))
    yield { ...click, session_id: `5f0c7a52-session-${(n++ % sessions).toString(16).padStart(8, '0')}` }
}

/** Prints the highest memory, and what was live at the end. */
export async function sessions(options: SessionsOptions): Promise<void> {
  const { perSecond, seconds, sessions: count, horizonSeconds } = options
  const stage = await openStage()
  try {
    const detector = await startDetector({ ...stage.env, ALLOWED_LATENESS_MS: String(horizonSeconds * 1_000) })
    let peakBytes = 0
    let last: DetectorSample | undefined
    const over = new AbortController()
    const watching = (async () => {
      while (!over.signal.aborted) {
        last = (await detector.sample()) ?? last
        peakBytes = Math.max(peakBytes, last?.rssBytes ?? 0)
        await sleep(500)
      }
    })()
    const made = await produceLive(stage, clicks(count), perSecond, seconds)
    over.abort()
    await watching
    await detector.stop()
    console.log(
      `${Math.round(made / seconds).toLocaleString('en')} events/s acknowledged for ${seconds} s, horizon ${horizonSeconds} s: ` +
        `at the end ${JSON.stringify(last?.state)}; ` +
        `highest resident memory ${Math.round(peakBytes / 1e6)} MB`,
    )
  } finally {
    await stage.stop()
  }
}
