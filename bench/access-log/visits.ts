import { SeededRandom } from '../../cli/simulate/seeded-random.js'
import { addressOf, CLIENTS, HEAVY_CLIENTS, isDeclaredBot, userAgentOf } from './clients.js'
import { assetRequest, pageRequest, type LoggedRequest } from './requests.js'

/** A visit is taken for each so many lines of the log, so that visitors read at the same pace in logs of any length. */
const LINES_PER_OPEN_VISIT = 2_500
const FEWEST_VISITS = 4
const MOST_VISITS = 2_000
/** Coprime to the number of clients: every client has had a visit before one has another. */
const STRIDE = 77_777
const REFERRERS = ['-', '-', 'https://www.google.com/', 'https://www.bing.com/', 'https://news.example/deals'] as const
const SHOP = 'https://shop.example'

/** What a line says, but for when. */
export interface Asked {
  /** Address and fields before the time. */
  readonly who: string
  readonly request: LoggedRequest
  readonly protocol: string
  readonly referrer: string
  readonly userAgent: string
}

interface Visit {
  readonly who: string
  readonly userAgent: string
  readonly protocol: string
  readonly fetchesAssets: boolean
  pagesLeft: number
  isNew: boolean
  referrer: string
}

/** Requests of visitors: each visits some pages, whose files follow at once; then another client takes its place. */
export class Visits {
  readonly #random: SeededRandom
  readonly #open: Visit[]
  #begun = 0
  /** The page whose files are asked for next. */
  #loading: Visit | undefined
  #assetsLeft = 0

  /** @param lines of the whole log */
  constructor(lines: number, seed: number) {
    this.#random = new SeededRandom(seed, 1)
    const open = Math.min(MOST_VISITS, Math.max(FEWEST_VISITS, Math.floor(lines / LINES_PER_OPEN_VISIT)))
    this.#open = Array.from({ length: open }, () => this.#begin())
  }

  next(): Asked {
    const random = this.#random
    if (this.#loading && this.#assetsLeft > 0) {
      this.#assetsLeft--
      return asked(this.#loading, assetRequest(random), this.#loading.referrer)
    }
    const at = random.whole(0, this.#open.length - 1)
    let visit = this.#open[at]
    if (!visit || visit.pagesLeft === 0) this.#open[at] = visit = this.#begin()
    const { referrer, isNew } = visit
    const request = pageRequest(random)
    visit.pagesLeft--
    visit.isNew = false
    visit.referrer = SHOP + request.target
    this.#loading = visit
    this.#assetsLeft = visit.fetchesAssets ? assetsOf(isNew, random) : 0
    return asked(visit, request, referrer)
  }

  #begin(): Visit {
    const random = this.#random
    const client = HEAVY_CLIENTS + ((this.#begun++ * STRIDE) % (CLIENTS - HEAVY_CLIENTS))
    const isBot = isDeclaredBot(client)
    return {
      who: `${addressOf(client)} - -`,
      userAgent: userAgentOf(client),
      protocol: isBot || client % 4 === 0 ? 'HTTP/1.1' : 'HTTP/2.0',
      fetchesAssets: !isBot,
      pagesLeft: random.chance(0.3) ? random.whole(1, 3) : random.whole(4, 26),
      isNew: true,
      referrer: isBot ? '-' : random.pick(REFERRERS),
    }
  }
}

/** Most files of later pages are in the browser's cache. */
function assetsOf(isNew: boolean, random: SeededRandom): number {
  if (isNew) return random.whole(3, 8)
  return random.chance(0.1) ? random.whole(1, 4) : 0
}

const asked = ({ who, userAgent, protocol }: Visit, request: LoggedRequest, referrer: string): Asked => ({
  who,
  request,
  protocol,
  referrer,
  userAgent,
})
