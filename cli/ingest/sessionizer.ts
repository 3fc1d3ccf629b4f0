import { hash } from 'node:crypto'

/** A longer silence begins a new session. */
const INACTIVITY_MS = 30 * 60_000
const SWEEP_EVERY = 50_000

/** An open session of a log. */
export interface OpenSession {
  readonly sessionId: string
  lastMs: number
  /** Partition that its events go to; -1 until somebody asks. */
  partition: number
  /** For whoever counts: its events in the current ten seconds, which ones they are, and the most so far. */
  pane: number
  inPane: number
  peak: number
}

/**
 * Gives each request of a log its session: a client and its user agent, until 30 minutes of silence. The id is a
 * function of the two and of the second of the first request, so that reading a log again gives the same ids. Wants
 * requests in order of time; memory holds the clients of the last 30 minutes.
 */
export class Sessionizer {
  readonly #agents = new Map<string, Map<string, OpenSession>>()
  #sinceSweep = 0
  #openSessions = 0
  #sessions = 0

  get openSessions(): number {
    return this.#openSessions
  }

  /** Sessions begun so far. */
  get sessions(): number {
    return this.#sessions
  }

  sessionOf(client: string, userAgent: string, atMs: number): OpenSession {
    if (++this.#sinceSweep >= SWEEP_EVERY) this.#sweep(atMs)
    let clients = this.#agents.get(userAgent)
    if (clients === undefined) this.#agents.set(userAgent, (clients = new Map<string, OpenSession>()))
    const known = clients.get(client)
    if (known && Math.abs(atMs - known.lastMs) <= INACTIVITY_MS) {
      if (atMs > known.lastMs) known.lastMs = atMs
      return known
    }
    const digest = hash('sha256', `${client}\n${userAgent}`).slice(0, 16)
    const session = {
      sessionId: `web-${digest}-${Math.floor(atMs / 1_000)}`,
      lastMs: atMs,
      partition: -1,
      pane: -1,
      inPane: 0,
      peak: 0,
    }
    clients.set(client, session)
    if (known === undefined) this.#openSessions++
    this.#sessions++
    return session
  }

  /** Forgets the clients that the next request would give a new session anyway. */
  #sweep(nowMs: number): void {
    this.#sinceSweep = 0
    for (const [userAgent, clients] of this.#agents) {
      for (const [client, { lastMs }] of clients)
        if (Math.abs(nowMs - lastMs) > INACTIVITY_MS && clients.delete(client)) this.#openSessions--
      if (clients.size === 0) this.#agents.delete(userAgent)
    }
  }
}
