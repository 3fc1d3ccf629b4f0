import { SeededRandom } from '../../cli/simulate/seeded-random.js'
import { addressOf, HEAVY_CLIENTS, userAgentOf } from './clients.js'
import { ITEMS, itemPath, pageResult } from './requests.js'
import type { Asked } from './visits.js'

/** A scrape is in the log for each so many lines: some 2 % of all. */
const LINES_PER_SCRAPE = 5_000
/** One in so many asks for two items again and again, for a minute. */
const ONE_PATIENT_IN = 5
const LAST_START = 86_400 - 120

interface Scrape {
  readonly startSecond: number
  readonly seconds: number
  readonly perSecond: number
  readonly client: number
  readonly firstItem: number
  readonly items: number
}

/**
 * Clients that the default rules flag: 60 to 80 pages in a window of 10 s (HIGH_FREQUENCY is 50), or 180 of two items
 * in one of 60 s (BOT_LIKE is 120 of at most 3). Each begins with a window, so that it is within one.
 */
export class Scrapes {
  readonly #random: SeededRandom
  readonly #planned: readonly Scrape[]
  /** Lines of all scrapes. */
  readonly lines: number
  #next = 0
  #running: Scrape[] = []

  /** @param lines of the whole log */
  constructor(lines: number, seed: number) {
    this.#random = new SeededRandom(seed, 2)
    const count = Math.floor(lines / LINES_PER_SCRAPE)
    this.#planned = Array.from({ length: count }, (_, n) => this.#plan(n, count))
    this.lines = this.#planned.reduce((sum, { seconds, perSecond }) => sum + seconds * perSecond, 0)
  }

  /** @returns the requests of a second; ask for each second in turn */
  at(second: number): Asked[] {
    for (let plan = this.#planned[this.#next]; plan?.startSecond === second; plan = this.#planned[++this.#next])
      this.#running.push(plan)
    if (this.#running.length === 0) return []
    this.#running = this.#running.filter((scrape) => second < scrape.startSecond + scrape.seconds)
    return this.#running.flatMap((scrape) => this.#requests(scrape, second - scrape.startSecond))
  }

  #plan(n: number, count: number): Scrape {
    const random = this.#random
    const isPatient = n % ONE_PATIENT_IN === ONE_PATIENT_IN - 1
    return {
      startSecond: Math.floor((((n + 0.5) / count) * LAST_START) / 60) * 60,
      seconds: isPatient ? 60 : 10,
      perSecond: isPatient ? 3 : random.whole(6, 8),
      client: n % HEAVY_CLIENTS,
      firstItem: random.whole(0, ITEMS - 200),
      items: isPatient ? 2 : ITEMS,
    }
  }

  #requests(scrape: Scrape, afterSeconds: number): Asked[] {
    const who = `${addressOf(scrape.client)} - -`
    const userAgent = userAgentOf(scrape.client)
    return Array.from({ length: scrape.perSecond }, (_, n) => {
      const item = scrape.firstItem + ((afterSeconds * scrape.perSecond + n) % scrape.items)
      const request = { method: 'GET', target: itemPath(item), result: pageResult(this.#random) }
      return { who, request, protocol: 'HTTP/1.1', referrer: '-', userAgent }
    })
  }
}
