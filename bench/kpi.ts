/*
 * The figures of a generated day: by the activity that `dailyKpi` calls, by the same queries typed into DuckDB by hand, and
 * on Spark in local mode, in turn, in one run. `npm run bench -- kpi [events] [rounds] [--no-spark] [--memory=BYTES]`
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { DayQuestion } from '../activities/kpi/kpi-engine.js'
import { findJava } from '../deploy/local/java.js'
import { fetchSpark } from '../deploy/local/fetch-spark.js'
import { cacheDirOf } from '../deploy/local/server-cache.js'
import { startServers } from '../deploy/local/servers.js'
import { migrate } from '../db/migrate.js'
import { DAY_MS, startOfDayMs } from '../domain/utc-day.js'
import { packageRoot } from '../platform/package-root.js'
import { BENCH_DAY, flaggedSessions, generateDay, MANIFEST_ROWS, type GeneratedFile } from './kpi/generate-day.js'
import { timedRun, type TimedRun } from './kpi/timed-run.js'
import { median } from './stage.js'

export interface KpiBenchOptions {
  readonly events: number
  readonly rounds: number
  readonly withSpark: boolean
  /** What DuckDB may hold; beyond it spills. */
  readonly memoryBytes: number
}

const THREADS = 2
/** Spark's own store takes what it is given; with less it spills so much that it would be no comparison. */
const SPARK_MEMORY_BYTES = 4_294_967_296

const script = (name: string): string => join(packageRoot, 'dist', 'bench', 'kpi', `${name}.js`)

/** Prints a table of every run, and the ratios that the design has goals for. */
export async function kpi(options: KpiBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'guardian-bench-kpi-'))
  chmodSync(folder, 0o711)
  const servers = await startServers({
    parts: ['postgres'],
    dataDir: join(folder, 'servers'),
    ports: 'free',
    env: process.env,
    password: randomBytes(12).toString('hex'),
    report: () => undefined,
  })
  try {
    const startedAt = performance.now()
    const files = await generateDay(join(folder, 'archive'), options.events)
    console.log(
      `${options.events.toLocaleString('en')} events in ${files.length} files, generated in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s; ` +
        `memory_limit ${(options.memoryBytes / 1e6).toFixed(0)} MB, ${THREADS} threads\n`,
    )
    await compare(options, folder, servers.databaseUrl ?? '', files)
  } finally {
    await servers.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function compare(
  { events, rounds, withSpark, memoryBytes }: KpiBenchOptions,
  folder: string,
  databaseUrl: string,
  files: readonly GeneratedFile[],
): Promise<void> {
  const archive = join(folder, 'archive')
  const env = benchEnv(databaseUrl, archive, memoryBytes)
  const spark = withSpark ? await sparkEnv() : undefined
  await migrate(databaseUrl, { connectTimeoutMs: 5_000, lockWaitMs: 10_000 })
  console.log('| | s | CPU s | peak MB |\n|---|---|---|---|')
  for (const [traffic, flagged] of [
    ['one class of traffic', []],
    ['all three', flaggedSessions(events)],
  ] as const) {
    await fillDatabase(databaseUrl, files, flagged)
    const question = JSON.stringify(questionOf(archive, files, flagged))
    const node = process.execPath
    const runs: Record<Runner, TimedRun[]> = { 'by hand': [], 'the activity': [], 'Spark, local mode': [] }
    const run = async (runner: Runner, args: readonly string[], runEnv: NodeJS.ProcessEnv, input: string) => {
      const took = await timedRun(args, runEnv, input)
      runs[runner].push(took)
      const { seconds, cpuSeconds, peakMegabytes } = took
      const figures = [seconds.toFixed(2), cpuSeconds.toFixed(2), peakMegabytes.toFixed(0)].join(' | ')
      console.log(`| ${traffic}: ${runner} | ${figures} |`)
    }
    for (let round = 1; round <= rounds; round++) {
      await run('by hand', [node, script('by-hand'), `${memoryBytes}B`, String(THREADS)], env, question)
      await run('the activity', [node, script('by-activity')], env, '')
      const limits = [String(THREADS), String(SPARK_MEMORY_BYTES)]
      if (spark && round === 1) await run('Spark, local mode', [node, script('by-spark'), ...limits], spark, question)
    }
    reportRatios(traffic, runs)
  }
}

type Runner = 'by hand' | 'the activity' | 'Spark, local mode'

function reportRatios(traffic: string, runs: Readonly<Record<Runner, readonly TimedRun[]>>): void {
  const of = (runner: Runner): number => median(runs[runner].map(({ seconds }) => seconds))
  const ratio = of('the activity') / of('by hand')
  console.log(`\n${traffic}: activity / by hand ${ratio.toFixed(2)} (goal at most 1.3)`)
  if (runs['Spark, local mode'].length > 0)
    console.log(
      `${traffic}: Spark / activity ${(of('Spark, local mode') / of('the activity')).toFixed(1)} (goal at least 5)\n`,
    )
}

const benchEnv = (databaseUrl: string, archive: string, memoryBytes: number): NodeJS.ProcessEnv => ({
  ...process.env,
  DATABASE_URL: databaseUrl,
  ARCHIVE_URL: `file://${archive}`,
  TEMPORAL_ADDRESS: '127.0.0.1:1',
  KAFKA_BROKERS: '127.0.0.1:1',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
  KPI_MEMORY_BYTES: String(memoryBytes),
  KPI_THREADS: String(THREADS),
  LOG_LEVEL: 'warn',
})

async function sparkEnv(): Promise<NodeJS.ProcessEnv> {
  await findJava(process.env)
  const report = (text: string): void => console.log(text)
  const home = await fetchSpark({ cacheDir: cacheDirOf(process.env), env: process.env, report })
  return { ...process.env, SPARK_HOME: home }
}

const NO_DECISIONS = { known: [], mostUnfit: 1_000 } as const

const questionOf = (folder: string, files: readonly GeneratedFile[], flagged: readonly string[]): DayQuestion => {
  const of = (dataset: GeneratedFile['dataset']): string[] =>
    files.filter((file) => file.dataset === dataset).map(({ path }) => join(folder, path))
  const fromMs = startOfDayMs(BENCH_DAY)
  const clickFiles = of('clicks')
  return {
    clickFiles,
    purchaseFiles: of('purchases'),
    flaggedSessions: flagged,
    fromMs,
    toMs: fromMs + DAY_MS,
    ...NO_DECISIONS,
  }
}

/** What the manifest and the anomalies say of the day, in place of what they said before. */
async function fillDatabase(url: string, files: readonly GeneratedFile[], flagged: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('TRUNCATE archive_files, archive_days, anomaly_sessions')
    for (const values of MANIFEST_ROWS(files))
      await client.query(
        `INSERT INTO archive_files (path, dataset, topic, kafka_partition, owner_epoch, first_day, last_day, first_offset, last_offset,
           row_count, byte_count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
        [...values],
      )
    await client.query(
      `INSERT INTO archive_days (dataset, event_day, row_count, version)
       SELECT f.dataset, f.first_day, sum(f.row_count), count(*) FROM archive_files f GROUP BY 1, 2`,
    )
    await client.query('SELECT ensure_anomaly_partition($1::date)', [BENCH_DAY])
    await client.query(
      `INSERT INTO anomaly_sessions (session_id, rule_id, rule_version, window_start, window_end, event_count, distinct_items, status, mode,
         evidence, topic, kafka_partition, first_offset, last_offset, as_of_offset, produced_ts, kafka_ts, detected_ts)
       SELECT s, 'HIGH_FREQUENCY', 1, $2::timestamptz, $2::timestamptz + interval '10 s', 50, 5, 'confirmed', 'active', '{}', 'km.clicks.v1',
              0, 0, 0, 0, $2, $2, $2 FROM unnest($1::text[]) AS s`,
      [flagged, new Date(startOfDayMs(BENCH_DAY))],
    )
  } finally {
    await client.end()
  }
}
