import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { LabelledRequests } from './labelled-requests.js'

/** A Tuesday morning, 10:00 UTC. */
const START_MS = Date.UTC(2026, 9, 6, 10)
const FEWEST_LINES = 220
const SLUGS = ['red-running-shoe', 'oak-table', 'linen-shirt', 'steel-bottle', 'wool-socks', 'desk-lamp-2'] as const
const CATEGORIES = ['shoes', 'home-and-living', 'sale', 'gifts', 'outdoor'] as const
const WORDS = ['lamp', 'blue%20shirt', 'm%C3%BCtze', 'table', 'json'] as const
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
] as const
const NETWORKS = ['192.0.2.', '198.51.100.', '203.0.113.', '2001:db8:10::'] as const
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * Lines of an access log (combined format) of visits to a shop: pages with the files and the data that belong to them.
 * Each request of the preset occurs. The user agent ends in ` label/page`, ` label/asset` or ` label/api`: what the line
 * was labelled as by hand.
 */
export function fixtureLines(urls: LabelledRequests, seed: number): string[] {
  const random = new SeededRandom(seed)
  const next = { page: roundOf(urls.page), asset: roundOf(urls.asset), api: roundOf(urls.api) }
  const lines: string[] = []
  let atMs = START_MS
  while (lines.length < FEWEST_LINES) {
    const address = `${random.pick(NETWORKS)}${random.whole(1, 254)}`
    const agent = random.pick(AGENTS)
    const line = (label: keyof LabelledRequests, request: string, referrer: string): void => {
      const status = label === 'asset' && random.chance(0.1) ? '304 0' : `200 ${random.whole(120, 60_000)}`
      const who = `${address} - - [${clf(atMs)}]`
      lines.push(`${who} "${request} HTTP/2.0" ${status} "${referrer}" "${agent} label/${label}"`)
    }
    const request = filled(next.page(), random)
    line('page', request, '-')
    const referrer = `https://shop.example${request.slice(request.indexOf(' ') + 1)}`
    atMs += random.whole(100, 1_500)
    for (let n = random.whole(3, 8); n > 0; n--) line('asset', filled(next.asset(), random), referrer)
    for (let n = random.whole(1, 4); n > 0; n--) line('api', filled(next.api(), random), referrer)
    atMs += random.whole(2_000, 20_000)
  }
  return lines
}

/** Each in turn, so that none is left out. */
function roundOf(requests: readonly string[]): () => string {
  let at = 0
  return () => requests[at++ % requests.length] ?? ''
}

const filled = (request: string, random: SeededRandom): string =>
  request.replaceAll(/\{([a-z0-9]+)\}/g, (_, name: string) => valueOf(name, random))

function valueOf(name: string, random: SeededRandom): string {
  switch (name) {
    case 'slug':
      return random.pick(SLUGS)
    case 'cat':
      return random.pick(CATEGORIES)
    case 'word':
      return random.pick(WORDS)
    case 'id':
      return String(random.whole(1_000, 9_999_999))
    case 'n':
      return String(random.whole(1, 9))
    case 'w':
      return String(random.pick([96, 384, 640, 828, 1_200]))
    case 'hash':
      return random.hex32()
    case 'b64':
      return Buffer.from(`${random.hex32()}${random.hex32()}`).toString('base64url')
    case 'z':
      return '14'
    case 'x':
      return String(random.whole(8_500, 8_560))
    case 'y':
      return String(random.whole(5_400, 5_440))
    default:
      throw new Error(`nothing is known of {${name}}`)
  }
}

/** `06/Oct/2026:10:00:00 +0000` */
function clf(atMs: number): string {
  const [day = '', time = ''] = new Date(atMs).toISOString().split('T')
  const [year = '', month = '', date = ''] = day.split('-')
  return `${date}/${MONTHS[Number(month) - 1] ?? ''}/${year}:${time.slice(0, 8)} +0000`
}
