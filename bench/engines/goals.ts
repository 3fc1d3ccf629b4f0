import type { Figures } from '../figures.js'

/** What the design asks of a comparison. */
interface Goal {
  readonly name: string
  readonly ours: string
  readonly theirs: string
  readonly of: (figures: Figures) => number
  readonly atLeast: number
}

/** A goal and what was measured. */
export interface GoalResult {
  readonly name: string
  readonly ratio: number
  readonly atLeast: number
  readonly isReached: boolean
}

const perCpuSecond = ({ cpuMicrosecondsPerEvent }: Figures): number => 1e6 / cpuMicrosecondsPerEvent
const perSecond = ({ eventsPerSecond }: Figures): number => eventsPerSecond

const GOALS: readonly Goal[] = [
  {
    name: 'events per second, one process / plain consumer',
    ours: 'guardian',
    theirs: 'consumer',
    of: perSecond,
    atLeast: 0.55,
  },
  {
    name: 'events per CPU-second, one process / Flink, hand-written operator',
    ours: 'guardian',
    theirs: 'flink-panes',
    of: perCpuSecond,
    atLeast: 1.6,
  },
  {
    name: 'events per CPU-second, one process / Flink, the same with evidence and changes',
    ours: 'guardian',
    theirs: 'flink-evidence',
    of: perCpuSecond,
    atLeast: 1.6,
  },
  {
    name: 'events per CPU-second, one process / Flink, its window operators',
    ours: 'guardian',
    theirs: 'flink-windows',
    of: perCpuSecond,
    atLeast: 2.5,
  },
  {
    name: 'events per CPU-second, one process / Kafka Streams, hand-written processor',
    ours: 'guardian',
    theirs: 'kafka-streams',
    of: perCpuSecond,
    atLeast: 4,
  },
  {
    name: 'events per CPU-second, one process / Spark, its window operators',
    ours: 'guardian',
    theirs: 'spark-windows',
    of: perCpuSecond,
    atLeast: 7,
  },
  {
    name: 'events per CPU-second, one process / Spark, hand-written operator',
    ours: 'guardian',
    theirs: 'spark',
    of: perCpuSecond,
    atLeast: 7,
  },
  {
    name: 'events per CPU-second, one process / Kafka Streams, the same with evidence and changes',
    ours: 'guardian',
    theirs: 'kafka-streams-evidence',
    of: perCpuSecond,
    atLeast: 4,
  },
  {
    name: 'events per second, two processes / Flink, hand-written operator, parallelism 2',
    ours: 'guardian-2',
    theirs: 'flink-panes',
    of: perSecond,
    atLeast: 1,
  },
  {
    name: 'events per second, two processes / Flink, the same with evidence and changes, parallelism 2',
    ours: 'guardian-2',
    theirs: 'flink-evidence',
    of: perSecond,
    atLeast: 1,
  },
]

/**
 * The ratios that the design sets goals for, of those who took part. A ratio is taken within each run, because the
 * machine is the same only there; of several runs it is the median.
 * @param runs the figures of each run by contestant
 */
export function goalResults(runs: readonly Readonly<Record<string, Figures>>[]): GoalResult[] {
  return GOALS.flatMap(({ name, ours, theirs, of, atLeast }) => {
    const ratios = runs.flatMap(({ [ours]: a, [theirs]: b }) => (a && b ? [of(a) / of(b)] : []))
    if (ratios.length === 0) return []
    const ratio = [...ratios].sort((a, b) => a - b)[ratios.length >> 1] ?? Number.NaN
    return [{ name, ratio, atLeast, isReached: ratio >= atLeast }]
  })
}
