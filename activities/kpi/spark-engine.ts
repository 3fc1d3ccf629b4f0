import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { inTurn } from '../../platform/in-turn.js'
import { packageRoot } from '../../platform/package-root.js'
import { asEngineFailure } from './engine-failure.js'
import {
  ARCHIVED_COLUMNS,
  KNOWN_COLUMNS,
  knownRows,
  queryParameters,
  type DayAnswer,
  type DayQuestion,
  type KpiEngine,
} from './kpi-engine.js'

export interface SparkEngineSettings {
  /** The command that runs a program on Spark. */
  readonly sparkSubmit: string
  /** `local[2]`, `yarn`, `spark://host:7077`, as spark-submit takes it. */
  readonly master: string
  /** Partitions of a shuffle; Spark's own 200 are for clusters. */
  readonly shufflePartitions: number
  /** Of the driver; in local mode that is all there is. */
  readonly memoryLimitBytes: number
  /** When a computation is ended, with all that it started. */
  readonly timeoutMs: number
  /** For spark-submit: where Java and Spark are. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What is kept of what Spark says, to be told when it fails. */
const TAIL_CHARS = 2_000
const MEBIBYTE = 1_048_576
const KPI_FOLDER = join(packageRoot, 'activities', 'kpi')

/** Finds spark-submit, in SPARK_HOME or on the PATH. @returns undefined when it is in neither */
export function findSparkSubmit(env: {
  readonly SPARK_HOME?: string | undefined
  readonly PATH?: string | undefined
}): string | undefined {
  const home = env.SPARK_HOME
  const folders = [...(home ? [join(home, 'bin')] : []), ...(env.PATH ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, 'spark-submit')).find((path) => existsSync(path))
}

/** Computes on Spark, by the same queries over the same files: one day at a time, each in a program of its own. */
export class SparkEngine implements KpiEngine {
  readonly #settings: SparkEngineSettings
  readonly #next = inTurn()

  constructor(settings: SparkEngineSettings) {
    this.#settings = settings
  }

  compute(question: DayQuestion, signal?: AbortSignal): Promise<DayAnswer> {
    return this.#next(() => this.#compute(question, signal))
  }

  async #compute(whole: DayQuestion, signal?: AbortSignal): Promise<DayAnswer> {
    const { flaggedSessions, known, ...question } = whole
    signal?.throwIfAborted()
    const alive = await holdLine()
    const folder = await mkdtemp(join(tmpdir(), 'guardian-kpi-spark-'))
    const at = (name: string): string => join(folder, name)
    try {
      const flagged = flaggedSessions.map((session_id) => `${JSON.stringify({ session_id })}\n`)
      await writeFile(at('flagged.jsonl'), flagged.join(''))
      await writeFile(
        at('known.jsonl'),
        knownRows(known)
          .map((row) => `${JSON.stringify(row)}\n`)
          .join(''),
      )
      const names = {
        flaggedFile: at('flagged.jsonl'),
        knownFile: at('known.jsonl'),
        sqlFolder: join(KPI_FOLDER, 'sql'),
      }
      const { click: clickColumns, purchase: purchaseColumns } = ARCHIVED_COLUMNS
      const columns = { clickColumns, purchaseColumns, knownColumns: KNOWN_COLUMNS }
      const more = { ...columns, parameters: queryParameters(whole), alivePort: alive.port }
      await writeFile(at('question.json'), JSON.stringify({ ...question, ...names, ...more }))
      await this.#submit(folder, [at('question.json'), at('answer.json')], signal)
      return JSON.parse(await readFile(at('answer.json'), 'utf8')) as DayAnswer
    } finally {
      alive.close()
      await rm(folder, { recursive: true, force: true })
    }
  }

  async #submit(folder: string, paths: readonly string[], signal?: AbortSignal): Promise<void> {
    const { sparkSubmit, master, memoryLimitBytes, shufflePartitions, timeoutMs, env } = this.#settings
    const settings = {
      'spark.ui.enabled': 'false',
      'spark.ui.showConsoleProgress': 'false',
      'spark.sql.session.timeZone': 'UTC',
      'spark.sql.shuffle.partitions': String(shufflePartitions),
      'spark.local.dir': folder,
      'spark.sql.warehouse.dir': folder,
    }
    const args = [
      ...['--master', master, '--driver-memory', `${Math.floor(memoryLimitBytes / MEBIBYTE)}m`],
      ...Object.entries(settings).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
      ...[join(KPI_FOLDER, 'spark', 'day_figures.py'), ...paths],
    ]
    // A group of its own: spark-submit is a script that starts others, and all have to end together.
    const child = spawn(sparkSubmit, args, { cwd: folder, env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-TAIL_CHARS)))
    const end = () => child.pid !== undefined && endGroup(child.pid)
    const timer = setTimeout(end, timeoutMs)
    const leave = () => {
      end()
      rmSync(folder, { recursive: true, force: true })
    }
    process.once('exit', leave)
    signal?.addEventListener('abort', end, { once: true })
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once('error', reject)
        child.once('close', resolve)
      })
      signal?.throwIfAborted()
      if (code !== 0) throw asEngineFailure(new Error(`spark-submit ended with ${String(code)}: ${said.trim()}`))
    } finally {
      clearTimeout(timer)
      process.off('exit', leave)
      signal?.removeEventListener('abort', end)
    }
  }
}

/** A port at which the program on Spark holds a connection: that ends with this process, however it ends, and so does the program. */
async function holdLine(): Promise<{ readonly port: number; readonly close: () => void }> {
  const lines = new Set<Socket>()
  const server = createServer((line) => {
    lines.add(line)
    line.on('error', () => lines.delete(line)).on('close', () => lines.delete(line))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    for (const line of lines) line.destroy()
  }
  return { port: (server.address() as AddressInfo).port, close }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
