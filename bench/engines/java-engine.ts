import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { TOPICS } from '../../domain/events.js'
import { ensureTopics } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { createLogger } from '../../platform/logger.js'
import { newGroupId, type Stage } from '../stage.js'
import type { JavaEngines } from './java-build.js'

/** A Java program that drains the topic into a table. */
export interface JavaProgram {
  readonly module: 'flink' | 'kafka-streams' | 'spark'
  readonly mainClass: string
  readonly table: string
  /** Whether its rows carry their evidence and are told of on a topic, as Guardian's are; else keys, counts and status. */
  readonly keepsEvidence: boolean
  /** Its largest heap, as `-Xmx` takes it. */
  readonly heap: string
  /** What its JVM needs besides. */
  readonly options?: readonly string[]
}

export interface RunningProgram {
  readonly pid: number
  /** Records processed, as it last said. @throws Error when it has ended */
  readonly records: () => number
  readonly stop: () => Promise<void>
}

/**
 * How a JVM collects garbage. G1 is what it takes by itself, and so what Flink, Kafka Streams and Spark run with unless
 * somebody tells them otherwise. With the parallel collector they take a quarter to a third less CPU in a drain, and stop
 * for as long as a collection takes.
 */
export const COLLECTORS = { g1: '-XX:+UseG1GC', parallel: '-XX:+UseParallelGC' }
export type Collector = keyof typeof COLLECTORS
export const isCollector = (name: string): name is Collector => name in COLLECTORS

const JAVA_OPTIONS = [
  // Flink reaches into the JDK's own classes to serialize closures and states.
  '--add-opens=java.base/java.lang=ALL-UNNAMED',
  '--add-opens=java.base/java.util=ALL-UNNAMED',
  '--add-opens=java.base/java.time=ALL-UNNAMED',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
]
/** Where they tell of each version of a row. */
export const CHANGES_TOPIC = 'bench.changes'

const STOP_BOUND_MS = 30_000
const TAIL_CHARS = 4_000

/** Makes the topic that they tell of changes on, as those of Guardian are made. */
export async function makeChangesTopic({ brokers }: Stage): Promise<void> {
  const log = createLogger('bench', 'warn')
  const kafka = createKafka({ brokers: [brokers], clientId: 'bench', requestTimeoutMs: 30_000 }, log)
  const config = { 'message.timestamp.type': 'LogAppendTime' }
  await ensureTopics(kafka, [{ topic: CHANGES_TOPIC, partitions: 4, replicationFactor: 1, config }], log)
}

/** Starts one in a JVM of its own, with a temporary folder for its checkpoints. */
export function startProgram(
  program: JavaProgram,
  { java, folder }: JavaEngines,
  collector: Collector,
  stage: Stage,
): RunningProgram {
  const { module, mainClass, table, heap, keepsEvidence, options = [] } = program
  const checkpoints = mkdtempSync(join(tmpdir(), 'guardian-bench-engine-'))
  const args = [
    `-Xmx${heap}`,
    COLLECTORS[collector],
    ...JAVA_OPTIONS,
    ...options,
    '-cp',
    join(folder, module, 'target', '*'),
    `guardian.bench.${mainClass}`,
  ]
  const child = spawn(java.command, args, {
    env: {
      ...stage.env,
      ...databaseEnv(stage.databaseUrl),
      ...{ BENCH_TABLE: table, BENCH_FOLDER: checkpoints, BENCH_GROUP: newGroupId() },
      ...{ BENCH_EVIDENCE: String(keepsEvidence), BENCH_CHANGES_TOPIC: CHANGES_TOPIC },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let said = ''
  let records = 0
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-TAIL_CHARS)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Others may print there too: the JVM itself, when it is told to by its environment.
    const [, told] = /^\{"records":(\d+)\}$/.exec(line) ?? []
    if (told !== undefined) records = Number(told)
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${java.command} could not be started`)
  return {
    pid,
    records: () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${mainClass} ended with ${child.exitCode ?? child.signalCode ?? ''}: ${said}`)
      return records
    },
    stop: async () => {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_BOUND_MS)
      if (child.exitCode === null && child.signalCode === null) await exited
      clearTimeout(timer)
      rmSync(checkpoints, { recursive: true, force: true })
    },
  }
}

/** What JDBC wants of a `postgres://` address. */
function databaseEnv(databaseUrl: string): Record<string, string> {
  const { hostname, port, pathname, username, password } = new URL(databaseUrl)
  return {
    BENCH_TOPIC: TOPICS.clicks,
    BENCH_JDBC_URL: `jdbc:postgresql://${hostname}:${port}${pathname}`,
    BENCH_JDBC_USER: decodeURIComponent(username),
    BENCH_JDBC_PASSWORD: decodeURIComponent(password),
  }
}
