import { isDeepStrictEqual } from 'node:util'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { packageRoot } from '../../../platform/package-root.js'
import { waitUntil } from '../../support/child-process.js'
import { DuckDbEngine } from '../../../activities/kpi/duckdb-engine.js'
import type { DayAnswer, DayQuestion } from '../../../activities/kpi/kpi-engine.js'
import { findSparkSubmit, SparkEngine } from '../../../activities/kpi/spark-engine.js'
import { BENCH_DAY, flaggedSessions, generateDay } from '../../../bench/kpi/generate-day.js'
import { fetchSpark } from '../../../deploy/local/fetch-spark.js'
import { cacheDirOf } from '../../../deploy/local/server-cache.js'
import { DAY_MS, startOfDayMs } from '../../../domain/utc-day.js'
import { daySumsOf, unfitRecordsOf } from '../../../domain/kpi/quarantine.js'
import { figuresOf, type DayFigures } from '../../../domain/kpi/figures.js'
import type { Row } from '../row.js'

const MEMORY_BYTES = 2_147_483_648

/** Every figure as a line of its own, so that each can be held against the other's. */
const linesOf = ({ metrics, items, funnel }: DayFigures): string[] => [
  ...Object.entries(metrics).flatMap(([traffic, of]) =>
    Object.entries(of).map(([name, value]) => `${traffic} ${name} ${JSON.stringify(value)}`),
  ),
  ...items.map((item) => `${item.traffic} ${item.ranking} ${item.place} ${item.item_id} ${item.amount}`),
  ...Object.entries(funnel).flatMap(([traffic, steps]) =>
    Object.entries(steps).map(([step, sessions]) => `${traffic} ${step} ${sessions}`),
  ),
]

/** Which records an engine leaves out, and how full its sums are. */
const leftOut = ({ unfit, sums }: DayAnswer) => [unfitRecordsOf(unfit), daySumsOf(sums)]

/** The processes on this machine that were told of a folder. */
const processesIn = (folder: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => commandOf(pid).includes(folder))

/** @returns an empty text once it has ended */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return ''
    throw error
  }
}

/** Kills a process that waits for Spark. @returns what of Spark is left of it */
async function leftBehind(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
  question: DayQuestion,
): Promise<string[]> {
  const own = mkdtempSync(join(folder, 'killed-'))
  const script = join(packageRoot, 'dist', 'bench', 'kpi', 'by-spark.js')
  const waiting = spawn(process.execPath, [script, '2', String(MEMORY_BYTES)], {
    env: { ...env, TMPDIR: own },
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  waiting.stdin.end(JSON.stringify(question))
  const isThere = (what: string) => processesIn(own).some((pid) => commandOf(pid).includes(what))
  await waitUntil(
    () => 'Spark does not begin',
    60_000,
    () => Promise.resolve(isThere('python3') && isThere('java')),
  )
  waiting.kill('SIGKILL')
  let left: string[] = []
  await waitUntil(
    () => 'Spark is still there',
    20_000,
    () => Promise.resolve((left = processesIn(own)).length === 0),
  ).catch(() => undefined)
  const lines = left.map((pid) => `left behind: ${commandOf(pid).slice(0, 200)}`)
  for (const pid of left) process.kill(Number(pid), 'SIGKILL')
  return [...lines, ...readdirSync(own).map((name) => `left behind: the folder ${name}`)]
}

export const row: Row = {
  id: 'K1',
  fault:
    'none: the figures of a day, and of an empty one, by DuckDB and by Spark SQL; then `kill -9` of a process that waits for Spark',
  invariant:
    'both engines give the same figures, row for row, from the same queries and the same files; nothing of Spark outlives who waits for it',
  quick: false,
  run: async ({ quick, say }) => {
    const events = quick ? 100_000 : 1_000_000
    const folder = mkdtempSync(join(tmpdir(), 'guardian-engines-'))
    try {
      const home = await fetchSpark({ cacheDir: cacheDirOf(process.env), env: process.env, report: say })
      const env = { ...process.env, SPARK_HOME: home }
      const limits = { memoryLimitBytes: MEMORY_BYTES, timeoutMs: 1_800_000, shufflePartitions: 8 }
      const duck = new DuckDbEngine({ ...limits, threads: 2 })
      const spark = new SparkEngine({ ...limits, env, master: 'local[2]', sparkSubmit: findSparkSubmit(env) ?? '' })
      const files = await generateDay(folder, events)
      const of = (dataset: string) => files.filter((f) => f.dataset === dataset).map(({ path }) => join(folder, path))
      const fromMs = startOfDayMs(BENCH_DAY)
      const full: DayQuestion = {
        ...{ clickFiles: of('clicks'), purchaseFiles: of('purchases'), flaggedSessions: flaggedSessions(events) },
        ...{ fromMs, toMs: fromMs + DAY_MS, known: [], mostUnfit: 1_000 },
      }
      const empty: DayQuestion = { ...full, clickFiles: [], purchaseFiles: [], flaggedSessions: [] }
      // Sums that hold little leave out most of the day, by both engines alike.
      const unfit: DayQuestion = { ...full, maxSum: 1_000_000 }
      const differences: string[] = []
      let rows = 0
      for (const [name, question] of Object.entries({ full, empty, unfit })) {
        const [ours, theirs] = [await duck.compute(question), await spark.compute(question)]
        say(`${name} day: ${ours.readRows} rows read`)
        if (ours.readRows !== theirs.readRows)
          differences.push(`${name}: read ${ours.readRows}, ${theirs.readRows} rows`)
        if (!isDeepStrictEqual(ours.nulls, theirs.nulls))
          differences.push(
            `${name}: DuckDB misses ${JSON.stringify(ours.nulls)}, Spark ${JSON.stringify(theirs.nulls)}`,
          )
        if (!isDeepStrictEqual(leftOut(ours), leftOut(theirs))) differences.push(`${name}: other records are left out`)
        const [a, b] = [linesOf(figuresOf(ours)), linesOf(figuresOf(theirs))]
        rows += a.length
        differences.push(...a.filter((line) => !b.includes(line)).map((line) => `${name}: only DuckDB says ${line}`))
        differences.push(...b.filter((line) => !a.includes(line)).map((line) => `${name}: only Spark says ${line}`))
        if (differences.length === 0 && !isDeepStrictEqual(a, b)) differences.push(`${name}: another order`)
      }
      say('killing who waits for Spark')
      differences.push(...(await leftBehind(folder, env, full)))
      return {
        held: differences.length === 0 && rows > 500,
        figure: `${rows} figures, ${differences.length} differences; Spark ended with who waited for it`,
        configuration: { events, files: files.length },
        differences,
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
