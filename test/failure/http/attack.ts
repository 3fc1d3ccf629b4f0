import { gzipSync } from 'node:zlib'
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { ADMIN_KEY, asAdmin } from '../../support/api-keys.js'
import { ask } from './offered-load.js'
import { sendMany, slowSocket, statusOf } from './slow-sockets.js'

const MEGABYTE = 1_048_576
/** Of an API as it comes: API_BODY_LIMIT_BYTES. */
export const BODY_LIMIT = MEGABYTE
/** Ten seconds for the head, five between two looks at the clock, and the pause in which a refusal is read. */
const SLOW_DEADLINE_MS = 25_000
const HOST = `host: x\r\nauthorization: Bearer ${ADMIN_KEY}\r\n`
const POST = `POST /events HTTP/1.1\r\n${HOST}content-type: application/json\r\n`

export interface Attacks extends Target {
  /** Heads that arrive a byte at a time. */
  readonly slow: number
  /** Connections that ask nothing more. */
  readonly idle: number
}

/** Where the API is. */
export interface Target {
  readonly port: number
  /** http://127.0.0.1:port */
  readonly url: string
}

type Attack = (target: Target) => Promise<readonly string[]>

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

/**
 * Attacks an API in every way at once, in a thread of its own: whoever measures it meanwhile is not held up.
 * @returns what was not refused as it should be
 */
export async function attack(attacks: Attacks): Promise<readonly string[]> {
  const thread = new Worker(new URL(import.meta.url), { workerData: attacks })
  const ended = once(thread, 'exit')
  const [found] = (await once(thread, 'message')) as [readonly string[]]
  await ended
  return found
}

if (!isMainThread && parentPort !== null) {
  const target = workerData as Attacks
  const attacks = [
    bodies(gzipSync(Buffer.alloc(100 * MEGABYTE))),
    largeHeaders,
    slowloris(target.slow),
    idle(target.idle),
  ]
  parentPort.postMessage((await Promise.all(attacks.map((one) => one(target)))).flat())
}
