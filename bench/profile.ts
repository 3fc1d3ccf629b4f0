/*
 * Where the time goes while a detector drains a topic: a flame graph, and the functions that took most of it.
 * `npm run bench -- profile [events]`
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../platform/package-root.js'
import { fillTopic } from './fill-topic.js'
import { callTree, flameGraph, heaviest, type CpuProfile } from './flame-graph.js'
import { openStage, startDetector } from './stage.js'

const SAMPLE_US = 500
const SHOWN = 25
const FILE = 'docs/flame-graph.svg'

/** Writes the flame graph into `docs/`, and prints a table. Only the main thread is in it. */
export async function profile(events: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'guardian-profile-'))
  const stage = await openStage()
  try {
    await fillTopic({ brokers: [stage.brokers], schemaRegistryUrl: stage.schemaRegistryUrl }, events, 7)
    const nodeArgs = ['--cpu-prof', `--cpu-prof-interval=${SAMPLE_US}`, `--cpu-prof-dir=${folder}`]
    const detector = await startDetector(stage.env, { nodeArgs })
    while (((await detector.sample())?.records ?? 0) < events) await sleep(50)
    await detector.stop()
    const [file] = readdirSync(folder)
    if (file === undefined) throw new Error('the detector has written no profile')
    const root = callTree(JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile)
    const seconds = root.totalUs / 1e6
    const title = `main thread of a detector that drains ${events.toLocaleString('en')} events: ${seconds.toFixed(1)} s of work`
    writeFileSync(join(packageRoot, FILE), flameGraph(root, title))
    console.log(`${title}; flame graph in ${FILE}\n\n| function | share |\n|---|---|`)
    for (const { name, share } of heaviest(root, SHOWN)) console.log(`| ${name} | ${(share * 100).toFixed(1)} % |`)
  } finally {
    await stage.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
