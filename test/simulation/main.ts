/*
 * Runs the partition runtime over a simulated log, store, clock and group, with faults; a seed determines everything.
 * `npm run simulate -- --seed N` replays one and prints its timeline, `npm run simulate -- --seeds N [--from N]` runs many.
 */
import { parseArgs } from 'node:util'
import { simulate } from './simulate.js'

const SHOWN = 5

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seeds: { type: 'string' }, from: { type: 'string', default: '1' } },
})
const whole = (name: string, text: string): number => {
  if (!/^\d{1,12}$/.test(text)) throw new Error(`--${name} is a whole number`)
  return Number(text)
}

async function replay(seed: number): Promise<number> {
  const { violations, timeline } = await simulate(seed)
  for (const line of timeline) console.log(line)
  for (const violation of violations) console.log(`violated: ${violation}`)
  console.log(`seed ${seed}: ${violations.length} violations`)
  return violations.length === 0 ? 0 : 1
}

async function runMany(from: number, seeds: number): Promise<number> {
  const failed: number[] = []
  const startedMs = performance.now()
  for (let seed = from; seed < from + seeds; seed++) {
    const { violations } = await simulate(seed)
    if (violations.length > 0) failed.push(seed)
    if (violations.length > 0 && failed.length <= SHOWN) console.log(`seed ${seed}: ${violations[0] ?? ''}`)
    const done = seed - from + 1
    if (process.stderr.isTTY && done % 500 === 0)
      process.stderr.write(`\r${done} of ${seeds} seeds, ${failed.length} failed`)
  }
  const seconds = (performance.now() - startedMs) / 1_000
  console.log(`${seeds} seeds in ${seconds.toFixed(0)} s, ${failed.length} failed`)
  return failed.length === 0 ? 0 : 1
}

process.exitCode =
  values.seed !== undefined
    ? await replay(whole('seed', values.seed))
    : await runMany(whole('from', values.from), whole('seeds', values.seeds ?? '2000'))
