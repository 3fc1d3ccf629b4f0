import { TimeOrderedQueue } from '../time-ordered-queue.js'
import {
  ABNORMAL_KINDS,
  ABNORMAL_MEAN_EVENTS,
  ABNORMAL_SHARES,
  abnormalSteps,
  type AbnormalKind,
} from './abnormal-steps.js'
import { Catalogue } from './catalogue.js'
import { personSteps } from './person.js'
import { SeededRandom } from './seeded-random.js'
import type { SessionStep } from './session-step.js'
import { newPerson, newProgram, type Visitor } from './visitor.js'

/**
 * Against which clock a stream is read. `live`: it happens now, so clients may be minutes fast. `past`: a day long
 * gone, where a fast client would drag the watermark along (the log's own time does not hold it back), so that
 * clocks are at most seconds fast.
 */
export type ClockKind = 'live' | 'past'

export interface TrafficPlan {
  readonly seed: number
  /** The first instant of the stream: milliseconds since the epoch. */
  readonly startMs: number
  /** Mean number of records per second of event time, all kinds together. */
  readonly recordsPerSecond: number
  readonly clock: ClockKind
}

export interface PlannedSession {
  readonly kind: 'person' | AbnormalKind
  readonly visitor: Visitor
}

/** One step of one visitor, at its true time. */
export interface Happening {
  readonly session: PlannedSession
  readonly step: SessionStep
}

/** Part of the traffic that is abnormal, near misses included. At 200 records/s one begins every 18 s. */
const ABNORMAL_SHARE = 0.06
/** What disturbances add: duplicates and malformed records. */
const ADDED_SHARE = 0.0115
/** So long before the start people begin to arrive, so that the shop is not empty at the first instant. */
const RUN_IN_MS = 180_000
const CATALOGUE_ITEMS = 10_000
/** The abnormal sessions that every stream begins with, so that something is to be seen soon. */
const OPENING: readonly AbnormalKind[] = ['scraper', 'bot', 'widening_bot']
const HUNDRED_YEARS_MS = 100 * 31_557_600_000

type Due =
  | { readonly due: 'person' }
  | { readonly due: 'abnormal' }
  | { readonly due: 'step'; readonly happening: Happening; readonly rest: Iterator<SessionStep, void> }

/**
 * The whole shop as one stream of happenings in time order, without end. The same plan gives the same stream. Memory
 * grows with the visitors who are there at one time, never with the length of the stream.
 */
export class ShopTraffic {
  readonly #plan: TrafficPlan
  readonly #random: SeededRandom
  readonly #catalogue: Catalogue
  readonly #queue = new TimeOrderedQueue<Due>()
  readonly #personEveryMs: number
  readonly #abnormalEveryMs: number
  #abnormalCount = 0

  constructor(plan: TrafficPlan) {
    this.#plan = plan
    this.#random = new SeededRandom(plan.seed, plan.startMs)
    this.#catalogue = new Catalogue(CATALOGUE_ITEMS, new SeededRandom(plan.seed))
    const perMs = plan.recordsPerSecond / 1_000 / (1 + ADDED_SHARE)
    this.#personEveryMs = meanPersonEvents(this.#catalogue) / (perMs * (1 - ABNORMAL_SHARE))
    this.#abnormalEveryMs = meanAbnormalEvents() / (perMs * ABNORMAL_SHARE)
    this.#queue.put(plan.startMs - RUN_IN_MS, { due: 'person' })
    this.#queue.put(plan.startMs + 500, { due: 'abnormal' })
  }

  next(): Happening {
    for (;;) {
      const entry = this.#queue.take()
      if (entry === undefined) throw new Error('a shop without end has ended')
      const { atMs, value } = entry
      if (value.due === 'person') this.#personArrives(atMs)
      else if (value.due === 'abnormal') this.#abnormalArrives(atMs)
      else {
        this.#schedule(value.happening.session, value.rest)
        if (atMs >= this.#plan.startMs) return value.happening
      }
    }
  }

  #personArrives(atMs: number): void {
    const random = this.#random
    const visitor = newPerson(random, this.#clockAheadMs())
    const steps = personSteps(visitor, Math.round(atMs), this.#catalogue, random)
    this.#schedule({ kind: 'person', visitor }, steps)
    this.#queue.put(atMs + random.exponential(this.#personEveryMs), { due: 'person' })
  }

  #abnormalArrives(atMs: number): void {
    const random = this.#random
    const kind = OPENING[this.#abnormalCount++] ?? pickAbnormal(random)
    const steps = abnormalSteps(kind, Math.round(atMs), this.#catalogue, random)
    this.#schedule({ kind, visitor: newProgram(random) }, steps)
    this.#queue.put(atMs + this.#abnormalEveryMs * random.between(0.7, 1.3), { due: 'abnormal' })
  }

  #schedule(session: PlannedSession, steps: Iterator<SessionStep, void>): void {
    const next = steps.next()
    if (next.done !== true)
      this.#queue.put(next.value.atMs, { due: 'step', happening: { session, step: next.value }, rest: steps })
  }

  /** One client in a hundred is fast within what is borne, four in a thousand far beyond it. */
  #clockAheadMs(): number {
    const live = this.#plan.clock === 'live'
    const lot = this.#random.fraction()
    if (lot < 0.01) return live ? this.#random.whole(30_000, 240_000) : this.#random.whole(500, 4_000)
    if (lot < 0.014) return live ? this.#random.whole(600_000, 36_000_000) : HUNDRED_YEARS_MS
    return 0
  }
}

function pickAbnormal(random: SeededRandom): AbnormalKind {
  let lot = random.fraction()
  for (const kind of ABNORMAL_KINDS) {
    lot -= ABNORMAL_SHARES[kind]
    if (lot < 0) return kind
  }
  return 'scraper'
}

const meanAbnormalEvents = (): number =>
  ABNORMAL_KINDS.reduce((sum, kind) => sum + ABNORMAL_SHARES[kind] * ABNORMAL_MEAN_EVENTS[kind], 0)

/** The mean length of a person's visit, counted over a sample, so that the rate that was asked for is the rate that comes. */
function meanPersonEvents(catalogue: Catalogue): number {
  const random = new SeededRandom(1)
  const visits = 4_000
  let events = 0
  for (let visit = 0; visit < visits; visit++)
    for (const step of personSteps(newPerson(random, 0), 0, catalogue, random)) events += step.atMs >= 0 ? 1 : 0
  return events / visits
}
