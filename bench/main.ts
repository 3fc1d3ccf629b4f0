import { drain } from './drain.js'
import { latency } from './latency.js'
import { memory } from './memory.js'
import { produce } from './produce.js'

const [what = '', ...args] = process.argv.slice(2)
const number = (at: number, preset: number): number => {
  const text = args[at]
  if (text === undefined) return preset
  if (!/^\d+$/.test(text)) throw new Error(`${text} is not a whole number`)
  return Number(text)
}

const benches: Readonly<Record<string, () => Promise<void>>> = {
  drain: () => drain(number(0, 2_000_000), number(1, 3)),
  latency: () => latency(number(0, 2_000), number(1, 60)),
  memory: () => memory(number(0, 5_000_000)),
  produce: () => produce(number(0, 200_000), number(1, 3)),
}

const bench = benches[what]
if (!bench) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join('|')} [figures]`)
  process.exit(2)
}
await bench()
