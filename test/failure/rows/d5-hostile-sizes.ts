import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePorts } from '../../../deploy/local/ports.js'
import { asAdmin } from '../../support/api-keys.js'
import { ServiceProcess, waitUntil } from '../../support/child-process.js'
import { testStack } from '../../support/stack.js'
import { createMigratedDatabase } from '../../support/test-pool.js'
import { attack, BODY_LIMIT, type Attacks, type Target } from '../http/attack.js'
import { ask, byStatus, OfferedLoad, quantile, statusText } from '../http/offered-load.js'
import { startProductApi } from '../http/product-api.js'
import type { Row, RowSettings } from '../row.js'

const PER_SECOND = 50
/** Answers of others may take twice as long beside the attack; below it, the difference is that of two seconds of one machine. */
const SLOWER = 2
const UNNOTICED_MS = 50
/** The attacker takes its share of the machine: where that slows a bare route more, we may be slowed so many times as much. */
const BESIDE_BARE = 1.5
const MOST_GROWTH_MB = 192
/** Connections beyond those of the attack: with none left, good callers would be closed too, as an attacker could have it. */
const ROOM = 500
const GOOD = '/anomalies?limit=5'

interface Slowed {
  readonly withoutMs: number
  readonly underMs: number
  /** How many times as long it takes beside the attack. */
  readonly times: number
  readonly found: readonly string[]
}

/** Good requests for a while, and what is done to the server meanwhile. */
async function beside({ url }: Target, work: () => Promise<readonly string[]>) {
  const load = new OfferedLoad({ url: `${url}${GOOD}`, headers: asAdmin }, PER_SECOND)
  const found = await work()
  const seen = await load.stop()
  const good = byStatus(seen).get(200) ?? 0
  return {
    p99: quantile(seen, 0.99),
    found: good === seen.length ? found : [...found, `good requests: ${statusText(seen)}`],
  }
}

async function slowedBy(
  target: Target,
  { slow, idle }: Pick<Attacks, 'slow' | 'idle'>,
  quietMs: number,
): Promise<Slowed> {
  await beside(target, () => sleep(1_000, [])) // what is compiled and connected at first
  const without = await beside(target, () => sleep(quietMs, []))
  const under = await beside(target, () => attack({ port: target.port, url: target.url, slow, idle }))
  return {
    withoutMs: without.p99,
    underMs: under.p99,
    times: under.p99 / without.p99,
    found: [...without.found, ...under.found],
  }
}

/** Express and node-postgres with nothing else, on the same SQL: what the machine alone makes of the same attack. */
async function startBare(databaseUrl: string): Promise<Target & { readonly process: ServiceProcess }> {
  const [port = 0] = await findFreePorts(1)
  const url = `http://127.0.0.1:${port}`
  const env = { DATABASE_URL: databaseUrl, PORT: String(port), PG_POOL_MAX: '10', NODE_ENV: 'production' }
  const bare = new ServiceProcess('bench/api/bare-express.js', env)
  const answers = async () => (await ask({ url: `${url}${GOOD}` })).status === 200
  await waitUntil(() => bare.output, 30_000, answers)
  return { port, url, process: bare }
}

const times = ({ withoutMs, underMs, times: factor }: Slowed): string =>
  `p99 ${withoutMs.toFixed(1)} ms without, ${underMs.toFixed(1)} ms with (${factor.toFixed(1)} times)`

async function run({ quick, say }: RowSettings) {
  const [slow, idle, quietMs] = quick ? [200, 1_000, 5_000] : [2_000, 10_000, 20_000]
  await testStack('postgres')
  const database = await createMigratedDatabase('hostile sizes')
  const nobody = '127.0.0.1:1'
  const maxConnections = slow + idle + ROOM
  const env = {
    ...{ DATABASE_URL: database.url, KAFKA_BROKERS: nobody, TEMPORAL_ADDRESS: nobody },
    API_MAX_CONNECTIONS: String(maxConnections),
  }
  const api = await startProductApi({ ...env, SCHEMA_REGISTRY_URL: `http://${nobody}` })
  const bare = await startBare(database.url)
  try {
    const plain = await slowedBy(bare, { slow, idle }, quietMs)
    say(`bare Express: ${times(plain)}`)
    const before = await api.residentMegabytes()
    const ours = await slowedBy(api, { slow, idle }, quietMs)
    const after = await api.residentMegabytes()
    const differences = [...ours.found]
    if (ours.underMs >= UNNOTICED_MS && ours.times > Math.max(SLOWER, BESIDE_BARE * plain.times))
      differences.push(`good requests: ${times(ours)}; a bare route: ${times(plain)}`)
    if (after - before > MOST_GROWTH_MB) differences.push(`${before.toFixed(0)} → ${after.toFixed(0)} MB`)
    if (!api.process.isRunning) differences.push(`the API has ended:\n${api.process.output}`)
    say(`${differences.length} findings: ${times(ours)}`)
    return {
      held: differences.length === 0,
      figure: `10 bodies, ${slow} slow heads, ${idle} idle connections: each 413, 431, 408 or closed; good requests' ${times(ours)}, those of a bare Express route ${times(plain)}, which is ${(ours.times / plain.times).toFixed(2)} times its slowing down; ${before.toFixed(0)} → ${after.toFixed(0)} MB`,
      configuration: { 'good requests/s': PER_SECOND, 'body limit': BODY_LIMIT, API_MAX_CONNECTIONS: maxConnections },
      differences,
    }
  } finally {
    await bare.process.kill()
    await api.process.kill()
    await database.drop()
  }
}

export const row: Row = {
  id: 'D5',
  fault:
    'bodies of 1 KB to 100 MB, a gzip bomb, headers of 64 KB, heads that arrive a byte at a time, idle connections: all at once, beside good requests',
  invariant:
    'each is refused with 413, 431 or 408, or closed; the good requests are all answered, at p99 within twice their time without, or one and a half times as much slower as a bare Express route under the same attack; memory is bounded',
  quick: true,
  run,
}
