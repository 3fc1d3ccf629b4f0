import type { SeededRandom } from '../../cli/simulate/seeded-random.js'

export const ITEMS = 20_000

/** `GET /path` and the status and size of its response, as in a log. */
export interface LoggedRequest {
  readonly method: string
  readonly target: string
  readonly result: string
}

const KINDS = ['red', 'oak', 'linen', 'steel', 'wool', 'small', 'round', 'solid', 'light', 'organic'] as const
const THINGS = ['shoe', 'table', 'shirt', 'bottle', 'sock', 'lamp', 'bag', 'chair', 'cup', 'jacket', 'towel'] as const
const CATEGORIES = ['shoes', 'home', 'kitchen', 'garden', 'sale', 'gifts', 'outdoor', 'kids', 'bags', 'sport'] as const
const WORDS = ['lamp', 'blue+shirt', 'table', 'wool+socks', 'cup', 'chair+oak', 'm%C3%BCtze', 'bag'] as const
const PAGES = ['/', '/', '/', '/cart', '/checkout/address', '/account/orders', '/help/returns', '/blog/care/'] as const
const WIDTHS = [96, 320, 384, 640, 828, 1200] as const
const BUILD = '7c21f0a9'

export const itemPath = (item: number): string =>
  `/item/${KINDS[item % KINDS.length] ?? ''}-${THINGS[item % THINGS.length] ?? ''}-${item}`

/** A page that somebody visits: items mostly, and few of them often. */
export function pageRequest(random: SeededRandom): LoggedRequest {
  const what = random.whole(0, 99)
  const share = random.fraction()
  if (what < 58) return page('GET', itemPath(Math.floor(share * share * share * ITEMS)), random)
  if (what < 76) return page('GET', categoryPath(random), random)
  if (what < 84) return page('GET', `/search?q=${random.pick(WORDS)}&page=${random.whole(1, 4)}`, random)
  if (what < 86) return page('POST', '/cart', random)
  if (what < 87) return page('HEAD', itemPath(Math.floor(share * ITEMS)), random)
  return page('GET', random.pick(PAGES), random)
}

const categoryPath = (random: SeededRandom): string =>
  `/category/${random.pick(CATEGORIES)}/${random.pick(THINGS)}?page=${random.whole(1, 30)}&sort=price`

const page = (method: string, target: string, random: SeededRandom): LoggedRequest => ({
  method,
  target,
  result: pageResult(random),
})

/** Status and size. */
export function pageResult(random: SeededRandom): string {
  const outcome = random.whole(0, 999)
  if (outcome < 930) return `200 ${random.whole(4_000, 90_000)}`
  if (outcome < 950) return '304 0'
  if (outcome < 970) return '301 178'
  if (outcome < 995) return `404 ${random.whole(900, 1_200)}`
  return outcome < 998 ? '500 612' : '503 380'
}

/** A file that belongs to a page. */
export function assetRequest(random: SeededRandom): LoggedRequest {
  const outcome = random.whole(0, 99)
  const result = outcome < 80 ? `200 ${random.whole(600, 240_000)}` : outcome < 99 ? '304 0' : '404 153'
  return { method: 'GET', target: assetPath(random), result }
}

function assetPath(random: SeededRandom): string {
  const what = random.whole(0, 99)
  if (what < 55) return `/images/item/${random.whole(0, ITEMS - 1)}/${random.pick(WIDTHS)}.webp`
  if (what < 70) return `/static/js/chunk-${random.whole(1, 60)}.${BUILD}.js`
  if (what < 80) return `/static/css/main.${BUILD}.css`
  if (what < 88) return `/images/banner-${random.whole(1, 20)}.jpg?v=${random.whole(1, 9)}`
  if (what < 95) return `/static/fonts/inter-${random.whole(4, 7)}00.woff2`
  return what < 98 ? '/favicon.ico' : '/images/icons.svg'
}
