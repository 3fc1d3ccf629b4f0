import type { SeededRandom } from './seeded-random.js'

/** Who is behind a session, as far as a web server can see. */
export interface Visitor {
  readonly sessionId: string
  readonly ip: string
  readonly userAgent: string
  readonly referrer: string | null
  /** Null while nobody has logged in. */
  userId: string | null
  /** How far the client's clock is ahead, in milliseconds. */
  readonly clockAheadMs: number
}

const BROWSERS: readonly [string, ...string[]] = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36',
]
const SCRIPTS: readonly [string, ...string[]] = [
  'python-requests/2.32.5',
  'Scrapy/2.13 (+https://scrapy.org)',
  'Go-http-client/2.0',
  'curl/8.16.0',
]
const REFERRERS: readonly [string | null, ...(string | null)[]] = [
  null,
  null,
  'https://search.example/?q=gifts',
  'https://news.example/deals',
  'https://mail.example/',
]

const address = (random: SeededRandom): string =>
  `100.${random.whole(64, 127)}.${random.whole(0, 255)}.${random.whole(1, 254)}`

const newUserId = (random: SeededRandom): string => `user-${String(random.whole(1, 50_000)).padStart(6, '0')}`

/** A person: three in ten are logged in from the beginning. */
export const newPerson = (random: SeededRandom, clockAheadMs: number): Visitor => ({
  sessionId: `s-${random.hex32()}${random.hex32()}`,
  ip: address(random),
  userAgent: random.pick(BROWSERS),
  referrer: random.pick(REFERRERS),
  userId: random.chance(0.3) ? newUserId(random) : null,
  clockAheadMs,
})

/** A program: mostly unknown, one in five on somebody's account, and half of them in a browser's name. */
export const newProgram = (random: SeededRandom): Visitor => ({
  sessionId: `s-${random.hex32()}${random.hex32()}`,
  ip: address(random),
  userAgent: random.chance(0.5) ? random.pick(SCRIPTS) : random.pick(BROWSERS),
  referrer: null,
  userId: random.chance(0.2) ? newUserId(random) : null,
  clockAheadMs: 0,
})

/** Gives a visitor a user, if they have none yet. */
export const logIn = (visitor: Visitor, random: SeededRandom): void => {
  visitor.userId ??= newUserId(random)
}
