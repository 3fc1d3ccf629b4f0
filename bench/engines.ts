/*
 * Guardian beside the engines that do the same work: each drains one topic into one PostgreSQL, in turn, in one run, and
 * each has to have the right rows. `npm run bench -- engines [events] [runs] [--json] [--only=NAME,NAME] [--gc=g1|parallel]`
 */
import { LocalFault, explainFault } from '../deploy/local/local-fault.js'
import { plainConsumer } from './drain.js'
import { CONTESTANTS, type ContestantName, type Course, type Result } from './engines/contestants.js'
import { expectedRows } from './engines/expected-rows.js'
import { goalResults } from './engines/goals.js'
import { buildJavaEngines } from './engines/java-build.js'
import { makeChangesTopic, type Collector } from './engines/java-engine.js'
import { progressLine } from './engines/progress-line.js'
import { isRight } from './engines/stored-rows.js'
import { FIGURES_HEAD, figuresLine, medianFigures, type Figures } from './figures.js'
import { fillTopic } from './fill-topic.js'
import { openStage } from './stage.js'

export interface EnginesOptions {
  readonly events: number
  readonly runs: number
  readonly only: readonly ContestantName[]
  readonly collector: Collector
  readonly isJson: boolean
}

const SEED = 7

/** Prints figures, ratios and whether all rows were right; the exit code is 1 when some were not. */
export async function engines(options: EnginesOptions): Promise<void> {
  try {
    await compare(options)
  } catch (error) {
    if (!(error instanceof LocalFault)) throw error
    console.error(explainFault(error))
    process.exitCode = 1
  }
}

async function compare({ events, runs, only, collector, isJson }: EnginesOptions): Promise<void> {
  if (process.platform !== 'linux')
    throw new LocalFault('CPU and memory are read from /proc, which this system does not have', 'run it on Linux')
  const progress = progressLine()
  const java = await buildJavaEngines(progress.say)
  progress.say('starting PostgreSQL, Kafka and the schema registry')
  const stage = await openStage()
  try {
    await makeChangesTopic(stage)
    progress.say(`computing the expected rows of ${events.toLocaleString('en')} events`)
    const expected = await expectedRows(events, SEED)
    progress.say('filling the topic')
    await fillTopic({ brokers: [stage.brokers], schemaRegistryUrl: stage.schemaRegistryUrl }, events, SEED)
    progress.say('reading it once, so that nobody pays for a broker that has just started')
    await plainConsumer(stage, events, 0)
    const results: Partial<Record<ContestantName, Result>>[] = []
    for (let run = 1; run <= runs; run++) {
      const result: Partial<Record<ContestantName, Result>> = {}
      for (const name of only) {
        const label = `run ${run} of ${runs}: ${name}`
        progress.say(label)
        const onProgress = (done: number) => progress.update(label, done / events)
        const one = await runOne(name, { stage, events, expected, java, collector, onProgress })
        result[name] = one
        progress.keep(`${figuresLine(label, one.figures)}${one.rows && !isRight(one.rows) ? ' WRONG ROWS' : ''}`)
      }
      results.push(result)
    }
    progress.end()
    report(results, only, { events, expectedRows: expected.windows.length, isJson })
  } finally {
    progress.end()
    await stage.stop()
  }
}

async function runOne(name: ContestantName, course: Course): Promise<Result> {
  try {
    return await CONTESTANTS[name].run(course)
  } catch (cause) {
    throw new Error(`${name} did not finish`, { cause })
  }
}

function report(
  runs: readonly Partial<Record<ContestantName, Result>>[],
  names: readonly ContestantName[],
  { events, expectedRows, isJson }: { events: number; expectedRows: number; isJson: boolean },
): void {
  const figures = runs.map((run) =>
    Object.fromEntries(Object.entries(run).map(([name, result]) => [name, result.figures])),
  )
  const goals = goalResults(figures)
  const wrong = runs.flatMap((run) => Object.entries(run)).filter(([, { rows }]) => rows && !isRight(rows))
  if (wrong.length > 0) process.exitCode = 1
  if (isJson) {
    console.log(JSON.stringify({ events, expectedRows, runs, goals, isRight: wrong.length === 0 }, null, 2))
    return
  }
  console.log(
    `${events.toLocaleString('en')} events on 4 partitions, ${runs.length} run(s), medians\n\n${FIGURES_HEAD}`,
  )
  for (const name of names) {
    const own = figures.map((run) => run[name]).filter((one): one is Figures => one !== undefined)
    console.log(figuresLine(CONTESTANTS[name].title, medianFigures(own)))
  }
  console.log('\n| ratio | measured | goal | |\n|---|---|---|---|')
  for (const { name, ratio, atLeast, isReached } of goals)
    console.log(`| ${name} | ${ratio.toFixed(2)} | ${atLeast} | ${isReached ? 'reached' : '**missed**'} |`)
  for (const [name, { rows }] of wrong) console.log(`\nWRONG ROWS: ${name}: ${JSON.stringify(rows)}`)
  if (wrong.length === 0) console.log(`\nall who write rows have the ${expectedRows.toLocaleString('en')} right ones`)
}
