import { setTimeout as sleep } from 'node:timers/promises'
import { asAdmin } from '../../support/api-keys.js'
import { testStack } from '../../support/stack.js'
import { createMigratedDatabase } from '../../support/test-pool.js'
import { attack, BODY_LIMIT } from '../http/attack.js'
import { byStatus, OfferedLoad, quantile, statusText } from '../http/offered-load.js'
import { startProductApi, type ProductApi } from '../http/product-api.js'
import type { Row, RowSettings } from '../row.js'

const PER_SECOND = 50
/** Answers of others may take twice as long beside the attack; below it, the difference is that of two seconds of one machine. */
const SLOWER = 2
const UNNOTICED_MS = 50
const MOST_GROWTH_MB = 192
/** Connections beyond those of the attack: with none left, good callers would be closed too, as an attacker could have it. */
const ROOM = 500

/** Good requests for a while, and what is done to the API meanwhile. */
async function beside(api: ProductApi, work: () => Promise<readonly string[]>) {
  const load = new OfferedLoad({ url: `${api.url}/anomalies?limit=5`, headers: asAdmin }, PER_SECOND)
  const found = await work()
  const seen = await load.stop()
  const good = byStatus(seen).get(200) ?? 0
  return {
    p99: quantile(seen, 0.99),
    found: good === seen.length ? found : [...found, `good requests: ${statusText(seen)}`],
  }
}

async function run({ quick, say }: RowSettings) {
  const [slow, idlers, quietMs] = quick ? [200, 1_000, 5_000] : [2_000, 10_000, 20_000]
  await testStack('postgres')
  const database = await createMigratedDatabase('hostile sizes')
  const nobody = '127.0.0.1:1'
  const maxConnections = slow + idlers + ROOM
  const env = {
    ...{ DATABASE_URL: database.url, KAFKA_BROKERS: nobody, TEMPORAL_ADDRESS: nobody },
    API_MAX_CONNECTIONS: String(maxConnections),
  }
  const api = await startProductApi({ ...env, SCHEMA_REGISTRY_URL: `http://${nobody}` })
  try {
    await beside(api, () => sleep(1_000, [])) // what is compiled and connected at first
    const without = await beside(api, () => sleep(quietMs, []))
    const before = await api.residentMegabytes()
    const under = await beside(api, () => attack({ port: api.port, url: api.url, slow, idle: idlers }))
    const after = await api.residentMegabytes()
    const allowed = Math.max(SLOWER * without.p99, UNNOTICED_MS)
    const differences = [...without.found, ...under.found]
    if (under.p99 >= allowed) differences.push(`good requests: p99 ${under.p99.toFixed(1)} ms`)
    if (after - before > MOST_GROWTH_MB) differences.push(`${before.toFixed(0)} → ${after.toFixed(0)} MB`)
    if (!api.process.isRunning) differences.push(`the API has ended:\n${api.process.output}`)
    say(`${differences.length} findings, p99 ${without.p99.toFixed(1)} → ${under.p99.toFixed(1)} ms`)
    return {
      held: differences.length === 0,
      figure: `10 bodies, ${slow} slow heads, ${idlers} idle connections: each 413, 431, 408 or closed; good requests' p99 ${without.p99.toFixed(1)} ms without, ${under.p99.toFixed(1)} ms with; ${before.toFixed(0)} → ${after.toFixed(0)} MB`,
      configuration: { 'good requests/s': PER_SECOND, 'body limit': BODY_LIMIT, API_MAX_CONNECTIONS: maxConnections },
      differences,
    }
  } finally {
    await api.process.kill()
    await database.drop()
  }
}

export const row: Row = {
  id: 'D5',
  fault:
    'bodies of 1 KB to 100 MB, a gzip bomb, headers of 64 KB, heads that arrive a byte at a time, idle connections: all at once, beside good requests',
  invariant:
    'each is refused with 413, 431 or 408, or closed; the good requests are all answered, at p99 within twice their time without; memory is bounded',
  quick: true,
  run,
}
