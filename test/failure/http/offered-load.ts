import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What became of one request. */
export interface Seen {
  /** 0 when there was no answer. */
  readonly status: number
  readonly retryAfter: string | undefined
  /** Why there was no answer. */
  readonly broken?: string
  readonly ms: number
  /** When it was sent, by `performance.now()`. */
  readonly atMs: number
}

export interface Asked {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Above any deadline of the API: what has no answer by then hangs. */
export const HANGS_MS = 35_000

/** Asks once. Never throws: a connection that breaks is an answer with status 0. */
export function ask(asked: Asked, agent?: Agent, atMs = performance.now()): Promise<Seen> {
  const { url, method = 'GET', headers = {}, body } = asked
  return new Promise((resolve) => {
    const took = () => ({ ms: performance.now() - atMs, atMs })
    const done = (status: number, retryAfter?: string) => resolve({ status, retryAfter, ...took() })
    const broken = ({ code, message }: NodeJS.ErrnoException) =>
      resolve({ status: 0, retryAfter: undefined, broken: code ?? message, ...took() })
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const sent = request(url, { method, agent, headers: { ...headers, ...length } }, (response) => {
      response.resume()
      response.on('end', () => done(response.statusCode ?? 0, response.headers['retry-after']))
      response.on('error', broken)
    })
    sent.setTimeout(HANGS_MS, () => sent.destroy(new Error('no answer')))
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // A kept connection may be closed by the server in the moment in which it is used again: that is no refusal.
      if (sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE'))
        resolve(ask(asked, undefined, atMs))
      else broken(error)
    })
    sent.end(body)
  })
}

/** Requests at a rate that does not wait for their answers, over connections that are kept, until it is stopped. */
export class OfferedLoad {
  readonly seen: Seen[] = []
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2_000 })
  readonly #underWay = new Set<Promise<void>>()
  readonly #running: Promise<void>
  #stopped = false

  constructor(asked: Asked, perSecond: number) {
    this.#running = this.#run(asked, perSecond)
  }

  /** Ends it, and waits for the answers that are still to come. */
  async stop(): Promise<readonly Seen[]> {
    this.#stopped = true
    await this.#running
    await Promise.all(this.#underWay)
    this.#agent.destroy()
    return this.seen
  }

  /** What was sent since an instant of `performance.now()` and has its answer. */
  since(atMs: number): readonly Seen[] {
    return this.seen.filter((one) => one.atMs >= atMs)
  }

  async #run(asked: Asked, perSecond: number): Promise<void> {
    const startedAt = performance.now()
    for (let sent = 0; !this.#stopped;) {
      const due = ((performance.now() - startedAt) / 1_000) * perSecond
      for (; sent < due; sent++) {
        const one: Promise<void> = ask(asked, this.#agent).then((seen) => {
          this.seen.push(seen)
          this.#underWay.delete(one)
        })
        this.#underWay.add(one)
      }
      await sleep(5)
    }
  }
}

/** The duration below which a share of the requests stayed, in ms; 0 of none. */
export function quantile(seen: readonly Seen[], share: number): number {
  const sorted = seen.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** How many had each status. */
export function byStatus(seen: readonly Seen[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const { status } of seen) counts.set(status, (counts.get(status) ?? 0) + 1)
  return counts
}

/** The same as text, with the reasons of those that have none. */
export function statusText(seen: readonly Seen[]): string {
  const reasons = new Set(seen.flatMap(({ broken }) => broken ?? []))
  const counts = [...byStatus(seen)].sort(([a], [b]) => a - b)
  return counts
    .map(([status, count]) => `${status === 0 ? `no answer (${[...reasons].join(', ')})` : status}: ${count}`)
    .join(', ')
}
