import type { Catalogue } from './catalogue.js'
import type { SeededRandom } from './seeded-random.js'
import { viewOf, type SessionStep } from './session-step.js'

/** What is planted for the rules to find, or, for the last three, to leave alone. */
export const ABNORMAL_KINDS = [
  'scraper',
  'bot',
  'widening_bot',
  'just_below_rate',
  'just_below_count',
  'one_item_too_many',
] as const
export type AbnormalKind = (typeof ABNORMAL_KINDS)[number]

/** How often each is planted, in parts of one. */
export const ABNORMAL_SHARES: Readonly<Record<AbnormalKind, number>> = {
  scraper: 0.3,
  bot: 0.25,
  widening_bot: 0.15,
  just_below_rate: 0.1,
  just_below_count: 0.1,
  one_item_too_many: 0.1,
}

/** About how many events each has, from which the shop's share of people is reckoned. */
export const ABNORMAL_MEAN_EVENTS: Readonly<Record<AbnormalKind, number>> = {
  scraper: 183,
  bot: 420,
  widening_bot: 245,
  just_below_rate: 48,
  just_below_count: 119,
  one_item_too_many: 150,
}

const PANE_MS = 10_000
const nextPaneMs = (atMs: number): number => Math.ceil(atMs / PANE_MS) * PANE_MS

type Steps = Generator<SessionStep, void>
type Planner = (startMs: number, catalogue: Catalogue, random: SeededRandom) => Steps

/** The steps of one abnormal visit. Times are event time; a visit lasts at most four minutes. */
export const abnormalSteps = (kind: AbnormalKind, startMs: number, catalogue: Catalogue, random: SeededRandom): Steps =>
  PLANNERS[kind](startMs, catalogue, random)

const PLANNERS: Readonly<Record<AbnormalKind, Planner>> = {
  /** Walks the shelf, 12 to 18 items a second, for 8 to 16 seconds: HIGH_FREQUENCY. */
  *scraper(startMs, catalogue, random) {
    const gapMs = 1_000 / random.between(12.5, 18)
    const endMs = startMs + random.whole(8_000, 16_000)
    let place = random.whole(0, 9_999)
    for (let atMs = startMs; atMs < endMs; atMs += gapMs * random.between(0.6, 1.4))
      yield viewOf(Math.round(atMs), catalogue.at(place++))
  },

  /** Comes back to one to three items, 2.8 to 4 times a second, for 90 to 160 seconds: BOT_LIKE for minutes. */
  *bot(startMs, catalogue, random) {
    const items = random.whole(1, 3)
    const place = random.whole(0, 9_999)
    const gapMs = 1_000 / random.between(2.8, 4)
    const endMs = startMs + random.whole(90_000, 160_000)
    yield* around(startMs, endMs, gapMs, items, place, catalogue, random)
  },

  /** Begins as a bot on two items, and after 45 seconds looks at nine others: BOT_LIKE opens, and part is retracted. */
  *widening_bot(startMs, catalogue, random) {
    const place = random.whole(0, 9_999)
    yield* around(startMs, startMs + 45_000, 285, 2, place, catalogue, random)
    yield* around(startMs + 45_000, startMs + 70_000, 285, 9, place, catalogue, random)
  },

  /** 47 to 49 events within one ten-second window, and none in its neighbours. */
  *just_below_rate(startMs, catalogue, random) {
    const windowMs = nextPaneMs(startMs)
    yield* spread(windowMs, PANE_MS, random.whole(47, 49), (at) => random.whole(0, 999) + at, catalogue)
  },

  /** 118 or 119 events on one item within one minute, and none beside it. */
  *just_below_count(startMs, catalogue, random) {
    const place = random.whole(0, 9_999)
    yield* spread(nextPaneMs(startMs), 60_000, random.whole(118, 119), () => place, catalogue)
  },

  /** 150 events within one minute, in turn on four items. */
  *one_item_too_many(startMs, catalogue, random) {
    const place = random.whole(0, 9_999)
    yield* spread(nextPaneMs(startMs), 60_000, 150, (at) => place + (at % 4), catalogue)
  },
}

function* around(
  startMs: number,
  endMs: number,
  gapMs: number,
  items: number,
  place: number,
  catalogue: Catalogue,
  random: SeededRandom,
): Steps {
  for (let atMs = startMs; atMs < endMs; atMs += gapMs * random.between(0.7, 1.3)) {
    const item = catalogue.at(place + random.whole(0, items - 1))
    const bought = random.chance(0.05)
    yield bought
      ? { atMs: Math.round(atMs), type: 'add_to_cart', itemId: item.itemId, page: '/cart' }
      : viewOf(Math.round(atMs), item)
  }
}

function* spread(
  startMs: number,
  lengthMs: number,
  count: number,
  placeOf: (at: number) => number,
  catalogue: Catalogue,
): Steps {
  for (let at = 0; at < count; at++)
    yield viewOf(startMs + Math.floor((at * lengthMs) / count), catalogue.at(placeOf(at)))
}
