import { gzipSync } from 'node:zlib'
import { setTimeout as sleep } from 'node:timers/promises'
import { ADMIN_KEY, asAdmin } from '../../support/api-keys.js'
import { testStack } from '../../support/stack.js'
import { createMigratedDatabase } from '../../support/test-pool.js'
import { ask, byStatus, OfferedLoad, quantile, statusText } from '../http/offered-load.js'
import { startProductApi, type ProductApi } from '../http/product-api.js'
import { sendMany, slowSocket, statusOf } from '../http/slow-sockets.js'
import type { Row, RowSettings } from '../row.js'

const PER_SECOND = 50
const MEGABYTE = 1_048_576
/** Of an API as it comes: API_BODY_LIMIT_BYTES. */
const BODY_LIMIT = MEGABYTE
/** Ten seconds for the head, five between two looks at the clock, and the pause in which a refusal is read. */
const SLOW_DEADLINE_MS = 25_000
/** Answers of others may take twice as long beside the attack; below it, the difference is that of two seconds of one machine. */
const SLOWER = 2
const UNNOTICED_MS = 50
const MOST_GROWTH_MB = 192
const HOST = `host: x\r\nauthorization: Bearer ${ADMIN_KEY}\r\n`
const POST = `POST /events HTTP/1.1\r\n${HOST}content-type: application/json\r\n`

type Attack = (api: ProductApi) => Promise<readonly string[]>

const expectStatus = (what: string, received: string, expected: number): string[] =>
  statusOf(received) === expected ? [] : [`${what}: ${received.slice(0, 120) || 'closed without an answer'}`]

/** Bodies of 1 KB to 100 MB, with their length and without, and one that is small until it is unpacked. */
const bodies =
  (bomb: Buffer): Attack =>
  async ({ port, url }) => {
    const found: string[] = []
    const headers = { ...asAdmin, 'content-type': 'application/json' }
    for (const bytes of [1_024, BODY_LIMIT - 1_024]) {
      const { status } = await ask({
        url: `${url}/events`,
        method: 'POST',
        headers,
        body: `"${'x'.repeat(bytes - 2)}"`,
      })
      if (status !== 400) found.push(`a body of ${bytes} bytes: ${status}`)
    }
    const chunk = Buffer.alloc(65_536, 'x')
    for (const megabytes of [2, 16, 100]) {
      const [bytes, chunks] = [megabytes * MEGABYTE, megabytes * 16]
      const declared = await sendMany(port, `${POST}content-length: ${bytes}\r\n\r\n`, chunk, chunks)
      found.push(...expectStatus(`${megabytes} MB, declared`, declared, 413))
      const framed = Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')])
      const chunked = await sendMany(port, `${POST}transfer-encoding: chunked\r\n\r\n`, framed, chunks)
      found.push(...expectStatus(`${megabytes} MB in chunks`, chunked, 413))
    }
    const packed = `${POST}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`
    return [
      ...found,
      ...expectStatus(`gzip of 100 MB in ${bomb.length} bytes`, await sendMany(port, packed, bomb, 1), 413),
    ]
  }

const largeHeaders: Attack = async ({ port }) => {
  const head = `GET /anomalies HTTP/1.1\r\n${HOST}x-large: ${'x'.repeat(65_536)}\r\n\r\n`
  return expectStatus('headers of 64 KB', await sendMany(port, head, Buffer.alloc(0), 0), 431)
}

/** Heads that arrive a byte at a time. */
const slowloris =
  (count: number): Attack =>
  async ({ port }) => {
    const ended = await Promise.allSettled(
      Array.from({ length: count }, () => slowSocket(port, `GET / HTTP/1.1\r\n${HOST}x-slow: `, 'x', SLOW_DEADLINE_MS)),
    )
    const wrong = ended.filter((one) => one.status === 'rejected' || statusOf(one.value.received) !== 408)
    const [first] = wrong
    if (first === undefined) return []
    const why = first.status === 'rejected' ? String(first.reason) : first.value.received.slice(0, 80)
    return [`${wrong.length} of ${count} slow heads: ${why}`]
  }

/** Connections that were answered once, or that never ask. Those beyond the limit of the server are closed at once. */
const idle =
  (count: number): Attack =>
  async ({ port }) => {
    const asked = `GET /livez HTTP/1.1\r\n${HOST}\r\n`
    const ended = await Promise.allSettled(
      Array.from({ length: count }, (_, n) => slowSocket(port, n % 2 === 0 ? asked : '', '', SLOW_DEADLINE_MS)),
    )
    const open = ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
    return open.length === 0 ? [] : [`${open.length} of ${count} idle connections: ${open[0]}`]
  }

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
  const bomb = gzipSync(Buffer.alloc(100 * MEGABYTE)) // it would hold up this process while it measures
  await testStack('postgres')
  const database = await createMigratedDatabase('hostile sizes')
  const nobody = '127.0.0.1:1'
  const env = { DATABASE_URL: database.url, KAFKA_BROKERS: nobody, TEMPORAL_ADDRESS: nobody }
  const api = await startProductApi({ ...env, SCHEMA_REGISTRY_URL: `http://${nobody}` })
  try {
    await beside(api, () => sleep(1_000, [])) // what is compiled and connected at first
    const without = await beside(api, () => sleep(quietMs, []))
    const before = await api.residentMegabytes()
    const attacks: readonly Attack[] = [bodies(bomb), largeHeaders, slowloris(slow), idle(idlers)]
    const under = await beside(api, async () => (await Promise.all(attacks.map((attack) => attack(api)))).flat())
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
      configuration: { 'good requests/s': PER_SECOND, 'body limit': BODY_LIMIT },
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
