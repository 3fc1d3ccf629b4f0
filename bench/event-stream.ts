import type { Click } from '../domain/events.js'

/** Where event time begins; in the past, so that nothing is ever ahead of the log append time. */
const STREAM_START_MS = Date.UTC(2026, 0, 5)
/** Of event time: 4,000,000 events are twenty minutes. */
const EVENTS_PER_SECOND = 3_333
const HUMANS = 120_000
/** Each sends some three events a second, on at most two items: enough for BOT_LIKE. */
const BOTS = 40
/** Each sends some seven events a second: enough for HIGH_FREQUENCY in nearly every window. */
const SCRAPERS = 15

/** Mulberry32 (Tommy Ettinger, public domain): small, fast, and the same everywhere. */
function mulberry32(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const hex = (n: number, digits: number): string => Math.floor(n).toString(16).padStart(digits, '0')

/** A UUID in which the number of the event can be read. */
const eventId = (n: number, random: () => number): string =>
  `${hex(random() * 2 ** 32, 8)}-${hex(n / 65_536, 4)}-4${hex(n & 0xfff, 3)}-8${hex(random() * 4_096, 3)}-${hex(n, 12)}`

/**
 * The stream of the throughput figures: a busy shop, 1 % of its events duplicates, 5 % out of order by up to 20 s, with
 * scrapers and bots that raise anomalies of both rules. Sessions come and go, so that what is live stays the same.
 */
export function* eventStream(count: number, seed: number): Generator<Click> {
  const random = mulberry32(seed)
  let last: Click | undefined
  for (let n = 0; n < count; n++) {
    const sinceMs = Math.floor((n / EVENTS_PER_SECOND) * 1_000)
    const minute = Math.floor(sinceMs / 60_000)
    if (last && random() < 0.01) {
      yield last
      continue
    }
    const atMs = STREAM_START_MS + sinceMs
    const event_ts = random() < 0.05 ? atMs - Math.floor(random() * 20_000) : atMs
    const who = random()
    const isBot = who < 0.04
    const isScraper = !isBot && who < 0.07
    const session_id = isBot
      ? `bot-${Math.floor(random() * BOTS)}-${Math.floor(minute / 3)}`
      : isScraper
        ? `scraper-${Math.floor(random() * SCRAPERS)}-${Math.floor(minute / 3)}`
        : `5f0c7a52-session-${hex(random() * HUMANS, 8)}-${Math.floor(minute / 5)}`
    const item = isBot ? Math.floor(random() * 2) : Math.floor(random() ** 3 * 20_000)
    last = {
      event_id: eventId(n, random),
      event_ts,
      ingest_ts: event_ts + 5,
      source: 'bench',
      session_id,
      user_id: random() < 0.3 ? `user-${session_id.slice(-10)}` : null,
      event_type: random() < 0.7 ? 'item_view' : 'page_view',
      item_id: random() < 0.85 ? `item-${item}` : null,
      page: `/catalogue/item-${item}`,
      ip: '203.0.113.7',
      user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0',
      referrer: null,
    }
    yield last
  }
}
