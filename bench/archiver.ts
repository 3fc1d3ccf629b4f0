/*
 * How fast one archiver writes a topic to Parquet, the manifest included, beside a plain kafkajs consumer that only decodes the
 * same topic, in turn, in one run. `npm run bench -- archiver [events] [rounds]`
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { findFreePorts } from '../deploy/local/ports.js'
import { packageRoot } from '../platform/package-root.js'
import { plainConsumer } from './drain.js'
import { FIGURES_HEAD, figuresLine, medianFigures, type Figures } from './figures.js'
import { fillTopic } from './fill-topic.js'
import { median, newGroupId, openStage, type Stage } from './stage.js'

const LOOK_EVERY_MS = 250

interface Sample {
  readonly atMs: number
  readonly rows: number
  readonly cpuSeconds: number
  readonly rssBytes: number
}

/** From the first rows it has taken in to its end in order, when the manifest names every row. */
async function archive(stage: Stage, events: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'guardian-bench-archive-'))
  try {
    await query(stage, 'TRUNCATE archive_checkpoints, archive_files, archive_days, archive_gaps')
    const [port = 0] = await findFreePorts(1)
    const env = {
      ARCHIVE_URL: `file://${folder}`,
      ARCHIVER_METRICS_PORT: String(port),
      ARCHIVER_GROUP_ID: newGroupId(),
    }
    const child = spawn(process.execPath, [join(packageRoot, 'dist/workers/archiver/main.js')], {
      env: { ...stage.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    let [first, last, peakBytes]: [Sample | undefined, Sample | undefined, number] = [undefined, undefined, 0]
    while ((last?.rows ?? 0) < events) {
      await sleep(LOOK_EVERY_MS)
      if (child.exitCode !== null) throw new Error(`the archiver ended with ${child.exitCode}`)
      last = await sampleOf(port)
      peakBytes = Math.max(peakBytes, last?.rssBytes ?? 0)
      if (last && last.rows > 0) first ??= last
    }
    child.kill('SIGTERM')
    await once(child, 'exit')
    const endedAt = performance.now()
    const [{ named } = { named: 0 }] = await query<{ named: number }>(
      stage,
      'SELECT sum(f.row_count)::float8 AS named FROM archive_files f',
    )
    if (named !== events) throw new Error(`the manifest names ${named} rows of ${events}`)
    const counted = events - (first?.rows ?? 0)
    return {
      eventsPerSecond: counted / ((endedAt - (first?.atMs ?? 0)) / 1_000),
      // What the last roll takes after the last look is not in it.
      cpuMicrosecondsPerEvent: (((last?.cpuSeconds ?? 0) - (first?.cpuSeconds ?? 0)) / counted) * 1e6,
      peakMegabytes: peakBytes / 1e6,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function query<Row>(stage: Stage, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: stage.databaseUrl })
  await client.connect()
  try {
    return (await client.query(sql)).rows as Row[]
  } finally {
    await client.end()
  }
}

async function sampleOf(port: number): Promise<Sample | undefined> {
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => undefined,
  )
  if (text === undefined) return undefined
  const sumOf = (name: string): number =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  return {
    atMs: performance.now(),
    rows: sumOf('guardian_archived_rows_total'),
    cpuSeconds: sumOf('process_cpu_seconds_total'),
    rssBytes: sumOf('process_resident_memory_bytes'),
  }
}

/** Prints every round, medians, and the ratio. */
export async function archiver(events: number, rounds: number): Promise<void> {
  const stage = await openStage()
  try {
    await fillTopic({ brokers: [stage.brokers], schemaRegistryUrl: stage.schemaRegistryUrl }, events, 7)
    console.log(`${events.toLocaleString('en')} events on 4 partitions, ${rounds} rounds\n\n${FIGURES_HEAD}`)
    const [plain, ours]: [Figures[], Figures[]] = [[], []]
    for (let round = 1; round <= rounds; round++) {
      plain.push(await plainConsumer(stage, events, round))
      ours.push(await archive(stage, events))
      console.log(figuresLine(`round ${round}: plain consumer`, plain.at(-1) ?? medianFigures(plain)))
      console.log(figuresLine(`round ${round}: archiver`, ours.at(-1) ?? medianFigures(ours)))
    }
    console.log(figuresLine('**plain consumer, median**', medianFigures(plain)))
    console.log(figuresLine('**archiver, median**', medianFigures(ours)))
    const ratios = ours.map((f, i) => f.eventsPerSecond / (plain[i]?.eventsPerSecond ?? Number.NaN))
    console.log(`\narchiver / plain consumer, events per second: ${median(ratios).toFixed(2)} (median of ${rounds})`)
  } finally {
    await stage.stop()
  }
}
