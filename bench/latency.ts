/*
 * From produce to row: a steady stream of live events, and for every anomaly the time from the event that crossed the
 * threshold being handed to the producer until its row can be read. Rows are looked for every 5 ms.
 * `npm run bench -- latency [events per second] [seconds]`
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Click } from '../domain/events.js'
import { eventStream } from './event-stream.js'
import { produceLive } from './produce-live.js'
import { openStage, percentile, startDetector } from './stage.js'

const LOOK_EVERY_MS = 5
/** Until the process is warm and the day's partition is made, which the orchestrator does ahead where it runs. */
const WARM_UP_MS = 15_000
/** Sessions that cross HIGH_FREQUENCY in every window, at some 7 events a second and each at its own moment. */
const SCRAPED_SHARE = 0.3
const SCRAPED_PER_SECOND = 7

interface Sight {
  readonly producedMs: number
  readonly delayMs: number
  readonly stages: readonly [toKafka: number, toDetected: number, toWritten: number]
}

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

const LOOK = `
SELECT a.session_id, a.rule_id, a.window_start, a.produced_ts, a.kafka_ts, a.detected_ts, a.db_write_ts
  FROM anomaly_sessions a WHERE a.db_write_ts > $1::timestamptz - interval '2 seconds'`

/** Looks for new rows until told to end. */
async function watch(databaseUrl: string, isOver: () => boolean): Promise<Sight[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const seen = new Map<string, Sight>()
  let since = new Date(0)
  while (!isOver()) {
    const { rows } = await client.query<Record<string, Date | string>>({ name: 'look', text: LOOK, values: [since] })
    const now = Date.now()
    for (const row of rows) {
      const key = `${String(row['session_id'])} ${String(row['rule_id'])} ${Number(row['window_start'])}`
      if (seen.has(key)) continue
      const [produced, kafka, detected, written] = ['produced_ts', 'kafka_ts', 'detected_ts', 'db_write_ts'].map(
        (name) => Number(row[name]),
      )
      const step = (from = 0, to = 0) => to - from
      seen.set(key, {
        producedMs: produced ?? 0,
        delayMs: step(produced, now),
        stages: [step(produced, kafka), step(kafka, detected), step(detected, written)],
      })
      since = new Date(Math.max(Number(since), written ?? 0))
    }
    await sleep(LOOK_EVERY_MS)
  }
  await client.end()
  return [...seen.values()]
}

export async function latency(perSecond: number, seconds: number): Promise<void> {
  const stage = await openStage()
  try {
    const detector = await startDetector(stage.env)
    while (!(await detector.sample())) await sleep(50)
    let over = false
    const sights = watch(stage.databaseUrl, () => over)
    const before = await detector.sample()
    const warmMs = Date.now() + WARM_UP_MS
    const duration = seconds + WARM_UP_MS / 1_000
    const made = await produceLive(stage, liveClicks(perSecond, duration), perSecond, duration)
    const after = await detector.sample()
    await sleep(1_000)
    over = true
    report(
      (await sights).filter(({ producedMs }) => producedMs > warmMs),
      made / duration,
      seconds,
    )
    if (before && after) {
      const cores = (after.cpuSeconds - before.cpuSeconds) / ((after.atMs - before.atMs) / 1_000)
      console.log(`\ndetector: ${cores.toFixed(3)} of a core, ${Math.round(after.rssBytes / 1e6)} MB`)
    }
    await detector.stop()
  } finally {
    await stage.stop()
  }
}

function report(sights: readonly Sight[], perSecond: number, seconds: number): void {
  console.log(
    `${Math.round(perSecond).toLocaleString('en')} events/s acknowledged for ${seconds} s, ${sights.length} anomalies\n`,
  )
  console.log('| ms | p50 | p95 | p99 |\n|---|---|---|---|')
  const line = (name: string, values: number[]) =>
    console.log(`| ${name} | ${[0.5, 0.95, 0.99].map((share) => percentile(values, share).toFixed(0)).join(' | ')} |`)
  line(
    'produced → row read',
    sights.map((s) => s.delayMs),
  )
  line(
    'produced → in Kafka',
    sights.map((s) => s.stages[0]),
  )
  line(
    'in Kafka → detected',
    sights.map((s) => s.stages[1]),
  )
  line(
    'detected → written',
    sights.map((s) => s.stages[2]),
  )
}
