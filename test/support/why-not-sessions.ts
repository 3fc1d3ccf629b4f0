import { clicksOf, sessionOn, type CraftedClick, type WrittenRule } from './crafted-sessions.js'

/** The rules that the sessions below are made for, as people write them down. */
export const RULES: Readonly<Record<string, WrittenRule>> = {
  'HIGH_FREQUENCY active': { windowMs: 10_000, slideMs: 10_000, minEvents: 30 },
  'BOT_LIKE active': { windowMs: 60_000, slideMs: 10_000, minEvents: 120, maxItems: () => 3 },
  'BOT_LIKE shadow': { windowMs: 60_000, slideMs: 10_000, minEvents: 60, maxItems: () => 3 },
  'LOW_DIVERSITY_RATIO active': {
    windowMs: 120_000,
    slideMs: 30_000,
    minEvents: 60,
    maxItems: (events) => Math.floor(events / 20),
  },
}
/** What is said of a session with too few events for each of them. */
export const BELOW = Object.fromEntries(Object.keys(RULES).map((name) => [name, 'below']))

/** Of the topic, as the stage makes it. */
const PARTITIONS = 4
/** Of the suite: well behind the traffic that is simulated. */
export const NOON = Date.UTC(2026, 0, 10, 12)
/** Each on partition 0; the two of gaps on partition 1. */
export const LATE = sessionOn(0, PARTITIONS, 'late')
const REPEATED = sessionOn(0, PARTITIONS, 'repeated')
const CUT = sessionOn(0, PARTITIONS, 'cut')
const DIVERSE = sessionOn(0, PARTITIONS, 'diverse')
export const SHADOWED = sessionOn(0, PARTITIONS, 'shadowed')
export const GAP = sessionOn(1, PARTITIONS, 'gap')
export const AFTER_GAP = sessionOn(1, PARTITIONS, 'after-gap')

const inTenSeconds = (session: string, fromMs: number) => clicksOf(session, 25, { fromMs, everyMs: 300 })
const inAMinute = (session: string, items: readonly string[]) =>
  clicksOf(session, 70, { fromMs: NOON + 180_000, everyMs: 850, items })
const repeated = inTenSeconds(REPEATED, NOON + 60_000)

/** Sessions of which every rule has another thing to say; and for each its clicks that count and the rest. */
export const CRAFTED: Readonly<
  Record<string, { counts: CraftedClick[]; rest?: [string, CraftedClick[]]; says: Record<string, string> }>
> = {
  [LATE]: {
    counts: inTenSeconds(LATE, NOON),
    rest: ['late', clicksOf(LATE, 10, { fromMs: NOON + 8_000, everyMs: 100 })],
    says: { ...BELOW, 'HIGH_FREQUENCY active': 'late' },
  },
  [REPEATED]: {
    counts: repeated,
    rest: ['duplicate', repeated.slice(0, 10)],
    says: { ...BELOW, 'HIGH_FREQUENCY active': 'duplicate' },
  },
  [CUT]: {
    counts: inTenSeconds(CUT, NOON + 120_000),
    rest: ['dead', clicksOf(CUT, 10, { fromMs: NOON + 128_000, everyMs: 100 }).map((one) => ({ ...one, isCut: true }))],
    says: { ...BELOW, 'HIGH_FREQUENCY active': 'dead' },
  },
  [DIVERSE]: {
    counts: inAMinute(DIVERSE, ['a', 'b', 'c', 'd']),
    says: { ...BELOW, 'BOT_LIKE shadow': 'too_diverse', 'LOW_DIVERSITY_RATIO active': 'too_diverse' },
  },
  [SHADOWED]: {
    counts: inAMinute(SHADOWED, ['a', 'b', 'c']),
    says: { ...BELOW, 'BOT_LIKE shadow': 'flagged', 'LOW_DIVERSITY_RATIO active': 'flagged' },
  },
}

/** In this order the late ones are behind the watermark, and nothing else is. */
export const inLogOrder = (): CraftedClick[] => {
  const countOf = (session: string) => CRAFTED[session]?.counts ?? []
  const restOf = (session: string) => CRAFTED[session]?.rest?.[1] ?? []
  return [
    ...countOf(LATE),
    ...countOf(REPEATED),
    ...restOf(REPEATED),
    ...restOf(LATE),
    ...countOf(CUT),
    ...restOf(CUT),
    ...[...countOf(DIVERSE), ...countOf(SHADOWED)].sort((a, b) => a.atMs - b.atMs),
  ]
}
