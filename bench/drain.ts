/*
 * How fast one detector drains a topic, all guarantees on, beside a plain kafkajs consumer that only decodes the same
 * topic, in turn, in one run. `npm run bench -- drain [events] [rounds]`
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { packageRoot } from '../platform/package-root.js'
import { TOPICS } from '../domain/events.js'
import { emptyResults } from './empty-results.js'
import { FIGURES_HEAD, figuresLine, medianFigures, type Figures } from './figures.js'
import { fillTopic } from './fill-topic.js'
import { FETCH, median, openStage, runToEnd, startDetector, type Stage } from './stage.js'

const SCHEMA = join(packageRoot, 'schemas/avro', `${TOPICS.clicks}.avsc`)

/** A look at the metrics takes the detector some milliseconds of its own CPU. */
const LOOK_EVERY_MS = 250

/** A process that reads the topic and decodes it, and does nothing else. */
export async function plainConsumer(stage: Stage, events: number, round: number): Promise<Figures> {
  const args = [stage.brokers, SCHEMA, `plain-${round}`, events, FETCH.maxBytes, FETCH.maxBytesPerPartition].map(String)
  const said = JSON.parse(await runToEnd('bench/plain-consumer.js', args, stage.env)) as Record<string, number>
  const { records = 0, seconds = 0, cpuSeconds = 0, peakRssBytes = 0 } = said
  return {
    eventsPerSecond: records / seconds,
    cpuMicrosecondsPerEvent: (cpuSeconds / records) * 1e6,
    peakMegabytes: peakRssBytes / 1e6,
  }
}

/** From the first records it has counted to the last; what came before the first sample is in neither. */
export async function detector(stage: Stage, events: number): Promise<Figures> {
  await emptyResults(stage.databaseUrl)
  const process_ = await startDetector(stage.env)
  let first: Awaited<ReturnType<typeof process_.sample>>
  let peakBytes = 0
  for (;;) {
    const now = await process_.sample()
    peakBytes = Math.max(peakBytes, now?.rssBytes ?? 0)
    if (now && now.records > 0) first ??= now
    if (now && first && now.records >= events) {
      await process_.stop()
      const counted = now.records - first.records
      return {
        eventsPerSecond: counted / ((now.atMs - first.atMs) / 1_000),
        cpuMicrosecondsPerEvent: ((now.cpuSeconds - first.cpuSeconds) / counted) * 1e6,
        peakMegabytes: peakBytes / 1e6,
      }
    }
    await sleep(LOOK_EVERY_MS)
  }
}

/** Prints a table of medians, every round, and the ratio. */
export async function drain(events: number, rounds: number): Promise<void> {
  const stage = await openStage()
  try {
    const written = await fillTopic({ brokers: [stage.brokers], schemaRegistryUrl: stage.schemaRegistryUrl }, events, 7)
    console.log(
      `${events.toLocaleString('en')} events on 4 partitions (written at ${Math.round(written)}/s), ${rounds} rounds\n`,
    )
    console.log(FIGURES_HEAD)
    const plain: Figures[] = []
    const ours: Figures[] = []
    for (let round = 1; round <= rounds; round++) {
      plain.push(await plainConsumer(stage, events, round))
      ours.push(await detector(stage, events))
      console.log(figuresLine(`round ${round}: plain consumer`, plain.at(-1) ?? medianFigures(plain)))
      console.log(figuresLine(`round ${round}: detector`, ours.at(-1) ?? medianFigures(ours)))
    }
    console.log(figuresLine('**plain consumer, median**', medianFigures(plain)))
    console.log(figuresLine('**detector, median**', medianFigures(ours)))
    const ratios = ours.map((f, i) => f.eventsPerSecond / (plain[i]?.eventsPerSecond ?? Number.NaN))
    console.log(`\ndetector / plain consumer, events per second: ${median(ratios).toFixed(2)} (median of ${rounds})`)
  } finally {
    await stage.stop()
  }
}
