import { createHash } from 'node:crypto'

/** A longer silence begins a new session. */
const INACTIVITY_MS = 30 * 60_000
const SWEEP_EVERY = 50_000

interface OpenSession {
  readonly sessionId: string
  lastMs: number
}

/**
 * Gives each request of a log its session: a client address and user agent, until 30 minutes of silence. The id is a
 * function of the two and of the second of the first request, so that reading a log again gives the same ids. Wants
 * requests in order of time; memory holds the clients of the last 30 minutes.
 */
export class Sessionizer {
  readonly #open = new Map<string, OpenSession>()
  #sinceSweep = 0

  get openSessions(): number {
    return this.#open.size
  }

  sessionOf(address: string, userAgent: string, atMs: number): string {
    if (++this.#sinceSweep >= SWEEP_EVERY) this.#sweep(atMs)
    const client = `${address}\n${userAgent}`
    const known = this.#open.get(client)
    if (known && Math.abs(atMs - known.lastMs) <= INACTIVITY_MS) {
      known.lastMs = Math.max(known.lastMs, atMs)
      return known.sessionId
    }
    const digest = createHash('sha256').update(client).digest('hex').slice(0, 16)
    const session = { sessionId: `web-${digest}-${Math.floor(atMs / 1_000)}`, lastMs: atMs }
    this.#open.set(client, session)
    return session.sessionId
  }

  /** Forgets the clients that the next request would give a new session anyway. */
  #sweep(nowMs: number): void {
    this.#sinceSweep = 0
    for (const [client, { lastMs }] of this.#open)
      if (Math.abs(nowMs - lastMs) > INACTIVITY_MS) this.#open.delete(client)
  }
}
