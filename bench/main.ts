import { cpus, loadavg } from 'node:os'
import { accessLog } from './access-log.js'
import { api } from './api.js'
import { archiver } from './archiver.js'
import { checkpoints } from './checkpoints.js'
import { decide } from './decide.js'
import { drain } from './drain.js'
import { engines } from './engines.js'
import { CONTESTANT_NAMES, isContestantName } from './engines/contestants.js'
import { isCollector } from './engines/java-engine.js'
import { kpi } from './kpi.js'
import { latency } from './latency.js'
import { memory } from './memory.js'
import { produce } from './produce.js'
import { profile } from './profile.js'
import { scan } from './scan.js'
import { sessions } from './sessions.js'

const [what = '', ...words] = process.argv.slice(2)
const args = words.filter((word) => !word.startsWith('--'))
const number = (at: number, preset: number): number => {
  const text = args[at]
  if (text === undefined) return preset
  if (!/^\d+$/.test(text)) throw new Error(`${text} is not a whole number`)
  return Number(text)
}

function enginesOptions() {
  const isJson = words.includes('--json')
  const only = words.find((word) => word.startsWith('--only='))
  const names = only?.slice('--only='.length).split(',') ?? CONTESTANT_NAMES
  const known = names.filter(isContestantName)
  const gc = words.find((word) => word.startsWith('--gc='))
  const collector = gc?.slice('--gc='.length) ?? 'g1'
  if (!isCollector(collector)) throw new Error('--gc takes g1 or parallel')
  const unknown = words.find((word) => word.startsWith('--') && !['--json', only, gc].includes(word))
  if (unknown !== undefined) throw new Error(`${unknown} is no option: --json, --only=NAME,NAME, --gc=g1|parallel`)
  if (known.length < names.length) throw new Error(`--only takes ${CONTESTANT_NAMES.join(', ')}`)
  return { events: number(0, 4_000_000), runs: number(1, 1), only: known, collector, isJson }
}

const benches: Readonly<Record<string, () => Promise<void>>> = {
  'access-log': () => accessLog(number(0, 5_000_000), args[1]),
  api: () => api(number(0, 10), number(1, 3)),
  archiver: () => archiver(number(0, 2_000_000), number(1, 3)),
  checkpoints: () => checkpoints(number(0, 2_000_000), number(1, 3)),
  decide: () => decide(number(0, 1_600_000), number(1, 3)),
  drain: () => drain(number(0, 2_000_000), number(1, 3)),
  engines: () => engines(enginesOptions()),
  kpi: () =>
    kpi({
      events: number(0, 20_000_000),
      rounds: number(1, 3),
      withSpark: !words.includes('--no-spark'),
      memoryBytes: Number(
        words.find((word) => /^--memory=\d+$/.test(word))?.slice('--memory='.length) ?? 1_073_741_824,
      ),
    }),
  latency: () => latency(number(0, 2_000), number(1, 60)),
  memory: () => memory(number(0, 5_000_000)),
  profile: () => profile(number(0, 2_000_000)),
  produce: () => produce(number(0, 200_000), number(1, 3)),
  scan: () => scan(number(0, 5_000_000), number(1, 3)),
  sessions: () =>
    sessions({
      perSecond: number(0, 5_000),
      seconds: number(1, 200),
      sessions: number(2, 200_000),
      horizonSeconds: number(3, 90),
    }),
}

const bench = benches[what]
if (!bench) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join('|')} [figures]`)
  process.exit(2)
}
await bench()
if (!words.includes('--json'))
  console.log(`load average of the last minute: ${loadavg()[0]?.toFixed(1)} on ${cpus().length} cores`)
