/*
 * From produce to row: a steady stream of live events, and for every anomaly the time from the event that crossed the
 * threshold being handed to the producer, and from its being acknowledged, until its row can be read. Rows are looked for
 * every 5 ms.
 * `npm run bench -- latency [events per second] [seconds]`
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Click } from '../domain/events.js'
import { eventStream } from './event-stream.js'
import { packageRoot } from '../platform/package-root.js'
import { produceLive } from './produce-live.js'
import type { Sight } from './row-ruler.js'
import { openStage, percentile, startDetector } from './stage.js'

/**
 * Until the process is warm, as compiling takes much of its CPU at first, and the day's partition is made, which the
 * orchestrator does ahead where it runs.
 */
const WARM_UP_MS = 15_000
/** Sessions that cross HIGH_FREQUENCY in every window, at some 7 events a second and each at its own moment. */
const SCRAPED_SHARE = 0.3
const SCRAPED_PER_SECOND = 7

/** Live events: the bench stream's shoppers, and scrapers among them. */
function* liveClicks(perSecond: number, seconds: number): Generator<Click> {
  const scrapers = Math.round((perSecond * SCRAPED_SHARE) / SCRAPED_PER_SECOND)
  let made = 0
  for (const shopper of eventStream(perSecond * seconds * 2, 11)) {
    const isScraped = (made % 10) / 10 < SCRAPED_SHARE
    const scraper = Math.floor(made / 10) * 3 + (made % 10)
    yield {
      ...shopper,
      session_id: isScraped ? `latency-scraper-${scraper % scrapers}` : `${shopper.session_id}-${made}`,
    }
    made++
  }
}

/** Looks for rows from now on. @returns ends it and gives what it saw */
function startRuler(databaseUrl: string): () => Promise<Sight[]> {
  const ruler = spawn(process.execPath, [join(packageRoot, 'dist/bench/row-ruler.js'), databaseUrl], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  return async () => {
    ruler.stdin.end()
    return JSON.parse(await text(ruler.stdout)) as Sight[]
  }
}

/** Sends events at a rate and prints how long their anomalies take to be rows. @param perSecond events */
export async function latency(perSecond: number, seconds: number): Promise<void> {
  const stage = await openStage()
  try {
    const detector = await startDetector(stage.env)
    while (!(await detector.sample())) await sleep(50)
    const sights = startRuler(stage.databaseUrl)
    const acknowledged = new Map<number, number>()
    const warmMs = Date.now() + WARM_UP_MS
    const warm = sleep(WARM_UP_MS).then(() => detector.sample())
    const duration = seconds + WARM_UP_MS / 1_000
    const made = await produceLive(stage, liveClicks(perSecond, duration), perSecond, duration, (at) =>
      acknowledged.set(at, Date.now()),
    )
    const [before, after] = [await warm, await detector.sample()]
    await sleep(1_000)
    const measured = (await sights()).filter(({ producedMs }) => producedMs > warmMs)
    console.log(
      `${Math.round(made / duration).toLocaleString('en')} events/s acknowledged for ${seconds} s, ${measured.length} anomalies\n`,
    )
    if (measured.length === 0)
      console.log('no row was seen of what was sent when warm: it is behind, or the run is too short')
    else report(measured, acknowledged)
    if (before && after) {
      const cores = (after.cpuSeconds - before.cpuSeconds) / ((after.atMs - before.atMs) / 1_000)
      console.log(`\ndetector: ${cores.toFixed(3)} of a core, ${Math.round(after.rssBytes / 1e6)} MB`)
    }
    await detector.stop()
  } finally {
    await stage.stop()
  }
}

/** @param acknowledged when Kafka had acknowledged what was produced at a time */
function report(sights: readonly Sight[], acknowledged: ReadonlyMap<number, number>): void {
  console.log('| ms | p50 | p95 | p99 |\n|---|---|---|---|')
  const line = (name: string, valueOf: (sight: Sight) => number) => {
    const values = sights.map(valueOf)
    console.log(`| ${name} | ${[0.5, 0.95, 0.99].map((share) => percentile(values, share).toFixed(0)).join(' | ')} |`)
  }
  line('acknowledged → row read', (s) => s.readMs - (acknowledged.get(s.producedMs) ?? Number.NaN))
  line('produced → row read', (s) => s.readMs - s.producedMs)
  line('of it: produced → in Kafka', (s) => s.kafkaMs - s.producedMs)
  line('in Kafka → detected', (s) => s.detectedMs - s.kafkaMs)
  line('detected → written', (s) => s.writtenMs - s.detectedMs)
  line('written → row read', (s) => s.readMs - s.writtenMs)
}
