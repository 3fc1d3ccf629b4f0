import { plainConsumer } from '../drain.js'
import { emptyResults } from '../empty-results.js'
import type { Figures } from '../figures.js'
import { newGroupId, startDetector, type DetectorProcess, type Stage } from '../stage.js'
import type { Expectation } from './expected-rows.js'
import type { JavaEngines } from './java-build.js'
import { startProgram, type Collector, type JavaProgram } from './java-engine.js'
import { measure } from './ruler.js'
import { checkRows, makeTable, type RowDifference } from './stored-rows.js'

/** What a drain takes place on. */
export interface Course {
  readonly stage: Stage
  readonly events: number
  readonly expected: Expectation
  readonly java: JavaEngines
  readonly collector: Collector
  readonly onProgress: (done: number) => void
}

export interface Result {
  readonly figures: Figures
  /** How its rows differ from the expected ones; undefined for one that writes none. */
  readonly rows: RowDifference | undefined
}

export interface Contestant {
  readonly title: string
  readonly run: (course: Course) => Promise<Result>
}

const PARTITIONS = 4

/** @param processes share the partitions; the time counts from when each has its share, or later */
const guardian = (title: string, processes: number): Contestant => ({
  title,
  run: async ({ stage, events, expected, onProgress }) => {
    await emptyResults(stage.databaseUrl)
    const groupId = newGroupId()
    const started: DetectorProcess[] = []
    try {
      for (let n = 0; n < processes; n++) started.push(await startDetector(stage.env, { groupId }))
      const remaining = async () => {
        const samples = await Promise.all(started.map(({ sample }) => sample()))
        const lags = samples.map((sample) => sample?.lags ?? [])
        const isShared = lags.flat().length === PARTITIONS && lags.every((own) => own.length === PARTITIONS / processes)
        return isShared ? lags.flat().reduce((sum, lag) => sum + lag, 0) : undefined
      }
      const figures = await measure({ pids: started.map(({ pid }) => pid), remaining }, events, onProgress)
      return { figures, rows: await checkRows(stage.databaseUrl, 'anomaly_sessions', expected) }
    } finally {
      await Promise.all(started.map(({ stop }) => stop()))
    }
  },
})

const javaEngine = (title: string, program: JavaProgram): Contestant => ({
  title,
  run: async ({ stage, events, expected, java, collector, onProgress }) => {
    await makeTable(stage.databaseUrl, program.table, program.keepsEvidence)
    const running = startProgram(program, java, collector, stage)
    try {
      const remaining = () => Promise.resolve(events - running.records())
      const figures = await measure({ pids: [running.pid], remaining }, events, onProgress)
      return { figures, rows: await checkRows(stage.databaseUrl, program.table, expected) }
    } finally {
      await running.stop()
    }
  },
})

/** What Spark's own start scripts open to it of the JDK, and the other engines do not need. */
const SPARK_OPTIONS = [
  ...['lang.invoke', 'lang.reflect', 'io', 'net', 'nio', 'util.concurrent', 'util.concurrent.atomic'].map(
    (name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`,
  ),
  ...['jdk.internal.ref', 'sun.nio.ch', 'sun.nio.cs', 'sun.security.action', 'sun.util.calendar'].map(
    (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`,
  ),
]

let rulers = 0

/** Everyone who drains the topic, by the name that `--only` takes. */
export const CONTESTANTS = {
  consumer: {
    title: 'plain kafkajs consumer, Avro decode only',
    run: async ({ stage, events }) => ({ figures: await plainConsumer(stage, events, ++rulers), rows: undefined }),
  },
  guardian: guardian('**Guardian, one process**', 1),
  'guardian-2': guardian('**Guardian, two processes**', 2),
  'flink-panes': javaEngine('Flink, one hand-written operator with panes, parallelism 2', {
    module: 'flink',
    mainClass: 'FlinkPanes',
    table: 'bench_flink_panes',
    keepsEvidence: false,
    heap: '2g',
  }),
  'flink-evidence': javaEngine('Flink, the same operator with evidence and changes, parallelism 2', {
    module: 'flink',
    mainClass: 'FlinkPanes',
    table: 'bench_flink_evidence',
    keepsEvidence: true,
    heap: '3g',
  }),
  'flink-windows': javaEngine('Flink, its window operators, parallelism 2', {
    module: 'flink',
    mainClass: 'FlinkWindows',
    table: 'bench_flink_windows',
    keepsEvidence: false,
    heap: '6g',
  }),
  'kafka-streams': javaEngine('Kafka Streams, one hand-written processor with panes, 2 threads', {
    module: 'kafka-streams',
    mainClass: 'StreamsPanes',
    table: 'bench_kafka_streams',
    keepsEvidence: false,
    heap: '3g',
  }),
  'kafka-streams-evidence': javaEngine('Kafka Streams, the same processor with evidence and changes, 2 threads', {
    module: 'kafka-streams',
    mainClass: 'StreamsPanes',
    table: 'bench_kafka_streams_evidence',
    keepsEvidence: true,
    heap: '3g',
  }),
  spark: javaEngine('Spark Structured Streaming, one hand-written operator with panes, 2 threads', {
    module: 'spark',
    mainClass: 'SparkPanes',
    table: 'bench_spark',
    keepsEvidence: false,
    heap: '3g',
    options: SPARK_OPTIONS,
  }),
  'spark-windows': javaEngine('Spark Structured Streaming, its window operators, 2 threads', {
    module: 'spark',
    mainClass: 'SparkWindows',
    table: 'bench_spark_windows',
    keepsEvidence: false,
    heap: '6g',
    options: SPARK_OPTIONS,
  }),
} satisfies Record<string, Contestant>

export type ContestantName = keyof typeof CONTESTANTS
export const CONTESTANT_NAMES = Object.keys(CONTESTANTS) as ContestantName[]
export const isContestantName = (name: string): name is ContestantName => name in CONTESTANTS
