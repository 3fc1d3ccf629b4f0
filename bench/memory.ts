/*
 * Whether memory follows the length of the stream. One detector drains it; its resident memory is shown at each
 * twentieth of the way. `npm run bench -- memory [events]`
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fillTopic } from './fill-topic.js'
import { openStage, startDetector } from './stage.js'

const STEPS = 20

/** Drains a stream and prints the highest memory of each twentieth of it. */
export async function memory(events: number): Promise<void> {
  const stage = await openStage()
  try {
    await fillTopic({ brokers: [stage.brokers], schemaRegistryUrl: stage.schemaRegistryUrl }, events, 7)
    const process_ = await startDetector(stage.env)
    const peaks: number[] = []
    let step = 0
    let peak = 0
    console.log('| events | highest resident memory since the line before, MB |\n|---|---|')
    while (step < STEPS) {
      const now = await process_.sample()
      peak = Math.max(peak, now?.rssBytes ?? 0)
      const reached = Math.floor(((now?.records ?? 0) / events) * STEPS)
      if (reached > step) {
        step = reached
        peaks.push(peak / 1e6)
        console.log(`| ${Math.round((events / STEPS) * step).toLocaleString('en')} | ${Math.round(peak / 1e6)} |`)
        peak = 0
      }
      await sleep(50)
    }
    await process_.stop()
    const half = Math.floor(peaks.length / 2)
    const highest = (from: number, to: number) => Math.round(Math.max(...peaks.slice(from, to)))
    console.log(
      `\nhighest in the first half: ${highest(0, half)} MB, in the second half: ${highest(half, peaks.length)} MB`,
    )
  } finally {
    await stage.stop()
  }
}
