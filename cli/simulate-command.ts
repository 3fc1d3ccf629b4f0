import { rename, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { TOPICS } from '../domain/events.js'
import { Lifecycle } from '../platform/lifecycle.js'
import { openEventSender } from './event-sender.js'
import { startProgress } from './progress.js'
import { ManifestWriter, type Manifest } from './simulate/manifest.js'
import { sendTraffic } from './simulate/send-traffic.js'
import { planSimulation, type SimulateWords, type SimulationPlan } from './simulate/simulation-options.js'
import { interruption, runCommand, type CommandResult, type Terminal } from './terminal.js'

/** `guardian simulate`: a seeded shop's traffic, with the truth about what is planted in it. */
export const simulateCommand = (): Command =>
  new Command('simulate')
    .description('send the traffic of a simulated shop: people, bots, scrapers, bad clocks, duplicates, broken records')
    .option('--live', 'events happen now, at --rate, until --events, --duration or Ctrl-C (default)')
    .option('--day <YYYY-MM-DD>', 'events of that past UTC day, as fast as it goes')
    .option('--events <n>', 'stop after so many records; with --day: so many over the --duration (default 200000)')
    .option('--duration <time>', 'how much event time: 90s, 10m, 24h (default: live without end, else the whole day)')
    .option('--rate <n>', 'records per second by the wall clock (live: 200)')
    .option('--speed-up <x>', 'with --day: event time runs x times as fast as the wall clock, or max (default)')
    .option('--seed <n>', 'same seed and start, same traffic (default 1)')
    .option('--if-empty', 'send nothing when the topics have had records: event time only goes forward')
    .option('--manifest <file>', 'write what was planted: counts, fates, abnormal sessions')
    .option('--json', 'print one JSON document')
    .action((words: SimulateWords & { json?: boolean; ifEmpty?: boolean }) =>
      runCommand(words, (terminal) => simulate(words, terminal)),
    )

async function simulate(words: SimulateWords & { ifEmpty?: boolean }, terminal: Terminal): Promise<CommandResult> {
  planSimulation(words, Date.now()) // wrong use is told before anything is opened
  const { signal, release } = interruption()
  const life = new Lifecycle()
  try {
    const sender = await openEventSender('simulate', [TOPICS.clicks, TOPICS.purchases], life, terminal)
    if (words.ifEmpty === true && !sender.isLogEmpty)
      return {
        document: { records: 0, skipped: true },
        lines: ['the topics have had records: nothing sent'],
        complete: true,
      }
    const plan = planSimulation(words, Date.now())
    const manifest = new ManifestWriter(plan.traffic)
    const startedMs = performance.now()
    const progress = startProgress('simulate', totalOf(plan), process.stderr)
    let atEnd: boolean
    try {
      const onProgress = (sentAtMs: number) => progress.update(stateOf(plan, manifest.records, sentAtMs))
      atEnd = await sendTraffic(plan, { sender, manifest, signal, now: () => Date.now(), onProgress })
    } finally {
      progress.stop()
    }
    const truth = manifest.manifest()
    if (words.manifest !== undefined) await writeManifest(words.manifest, truth)
    return resultOf(plan, truth, words.manifest, (performance.now() - startedMs) / 1_000, atEnd)
  } finally {
    release()
    await life.stop()
  }
}

const isEndless = (plan: SimulationPlan): boolean => !Number.isFinite(plan.maxRecords) && !Number.isFinite(plan.endMs)

const totalOf = (plan: SimulationPlan): number | undefined =>
  Number.isFinite(plan.maxRecords)
    ? plan.maxRecords
    : Number.isFinite(plan.endMs)
      ? plan.endMs - plan.traffic.startMs
      : undefined

const stateOf = (plan: SimulationPlan, records: number, sentAtMs: number) => ({
  done: Number.isFinite(plan.maxRecords) ? records : Math.max(0, sentAtMs - plan.traffic.startMs),
  records,
  note: `event time ${new Date(sentAtMs).toISOString().slice(0, 19)}Z`,
})

/** Whole or not at all: a reader never sees half a manifest. */
async function writeManifest(file: string, manifest: Manifest): Promise<void> {
  await writeFile(`${file}.part`, `${JSON.stringify(manifest, null, 2)}\n`)
  await rename(`${file}.part`, file)
}

function resultOf(
  plan: SimulationPlan,
  truth: Manifest,
  file: string | undefined,
  seconds: number,
  atEnd: boolean,
): CommandResult {
  const { abnormalSessions, ...counts } = truth
  const perSecond = Math.round(truth.records / Math.max(seconds, 0.001))
  return {
    document: { ...counts, manifest: file ?? null, seconds: Number(seconds.toFixed(3)), sentPerSecond: perSecond },
    lines: [
      `${truth.records} records in ${seconds.toFixed(1)} s (${perSecond}/s), seed ${truth.seed}, from ${truth.start}`,
      `clicks ${truth.events.click}, purchases ${truth.events.purchase}, malformed ${truth.events.malformed}`,
      ...Object.entries(truth.fates).map(
        ([topic, fates]) =>
          `${topic}: ${Object.entries(fates)
            .map(([fate, count]) => `${fate} ${count}`)
            .join(', ')}`,
      ),
      `abnormal sessions: ${Object.entries(truth.abnormal)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(', ')}`,
      ...(file === undefined ? [] : [`planted truth: ${file} (${abnormalSessions.length} sessions)`]),
    ],
    complete: atEnd || isEndless(plan),
  }
}
