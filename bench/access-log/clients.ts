/** Clients of a generated log, by number: their addresses and user agents are functions of it. */
export const CLIENTS = 200_000
/** The first of them scrape now and then. */
export const HEAVY_CLIENTS = 60
/** One client in so many says that it is a bot. */
const ONE_BOT_IN = 20
/** One client in so many has an IPv6 address. */
const ONE_IPV6_IN = 9

const DECLARED_BOTS: readonly string[] = [
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36',
  'Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)',
  'Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)',
  'Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)',
  'Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)',
  'Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)',
  'Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)',
  'Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com) AppleWebKit/537.36 (KHTML, like Gecko)',
  'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
  'Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)',
  'DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)',
  'Mozilla/5.0 (compatible; Applebot/0.1; +http://www.apple.com/go/applebot)',
]

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n)

const CHROME_ON = ['Windows NT 10.0; Win64; x64', 'Macintosh; Intel Mac OS X 10_15_7', 'X11; Linux x86_64'] as const
const PHONES = ['Linux; Android 10; K', 'Linux; Android 14; SM-S921B', 'Linux; Android 13; Pixel 7'] as const
const chrome = (on: string, version: number, mobile = '', more = ''): string =>
  `Mozilla/5.0 (${on}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0${mobile} Safari/537.36${more}`

/** The most usual first: lower numbers are picked more often. */
const BROWSERS: readonly string[] = [
  ...upTo(0, 19).flatMap((age) => CHROME_ON.map((on) => chrome(on, 141 - age))),
  ...upTo(0, 19).flatMap((age) => PHONES.map((on) => chrome(on, 141 - age, ' Mobile'))),
  ...upTo(0, 39).map((n) => {
    const version = `${18 - Math.floor(n / 8)}_${7 - (n % 8)}`
    const phone = `iPhone; CPU iPhone OS ${version} like Mac OS X`
    const safari = `Version/${version.replace('_', '.')} Mobile/15E148 Safari/604.1`
    return `Mozilla/5.0 (${phone}) AppleWebKit/605.1.15 (KHTML, like Gecko) ${safari}`
  }),
  ...upTo(0, 29).flatMap((age) =>
    ['Windows NT 10.0; Win64; x64', 'X11; Ubuntu; Linux x86_64'].map(
      (on) => `Mozilla/5.0 (${on}; rv:${143 - age}.0) Gecko/20100101 Firefox/${143 - age}.0`,
    ),
  ),
  ...upTo(0, 24).map((age) => chrome(CHROME_ON[0], 141 - age, '', ` Edg/${141 - age}.0.0.0`)),
  ...upTo(0, 19).map((age) => chrome(CHROME_ON[0], 140 - age, '', ` OPR/${125 - age}.0.0.0`)),
  ...upTo(0, 19).map((age) => chrome(PHONES[1], 136 - age).replace('Chrome/', `SamsungBrowser/${28 - age}.0 Chrome/`)),
]

const SCRAPERS: readonly string[] = [
  'python-requests/2.32.3',
  'Go-http-client/1.1',
  'curl/8.5.0',
  ...BROWSERS.slice(0, 9),
]

/** How many user agents there are in all. */
export const USER_AGENTS = new Set([...DECLARED_BOTS, ...BROWSERS, ...SCRAPERS]).size

export const isDeclaredBot = (client: number): boolean => client >= HEAVY_CLIENTS && client % ONE_BOT_IN === 7

/** Spreads numbers over 32 bits, each to a value of its own (Thomas Wang's and MurmurHash3's steps can be undone). */
function spread(n: number): number {
  let h = Math.imul(n ^ (n >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

export function userAgentOf(client: number): string {
  const random = spread(client + 0x5bd1e995)
  if (client < HEAVY_CLIENTS) return SCRAPERS[random % SCRAPERS.length] ?? ''
  if (isDeclaredBot(client)) return DECLARED_BOTS[random % DECLARED_BOTS.length] ?? ''
  const share = random / 2 ** 32
  return BROWSERS[Math.floor(share * share * BROWSERS.length)] ?? ''
}

/** An address that no other client has: public IPv4, or IPv6 of the documentation range. */
export function addressOf(client: number): string {
  if (client % ONE_IPV6_IN === 4) return ipv6(spread(client), client)
  for (let n = client; ; n += CLIENTS) {
    const bits = spread(n)
    if (isPublic(bits >>> 24)) return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`
  }
}

/** Without the networks of which a part is private, shared, local or reserved. */
const isPublic = (first: number): boolean =>
  first > 0 && first < 224 && ![10, 100, 127, 169, 172, 192, 198, 203].includes(first)

const ipv6 = (bits: number, client: number): string =>
  `2001:db8:${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}::${(client >>> 16).toString(16)}:${(client & 0xffff).toString(16)}`
