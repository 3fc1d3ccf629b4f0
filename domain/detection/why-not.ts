import { oldestWindowStart, PANE_MS, paneOf } from '../windowing/pane.js'
import type { Anomaly } from './anomaly.js'
import type { Fate } from './fate.js'
import type { SessionStep } from './log-replay.js'
import type { RuleInForce } from './rule.js'

/**
 * What kept a rule from flagging a session: too few events (below), too many different items (too_diverse), events that
 * did not count (late, duplicate, dead), records that Kafka had lost (gap), or a rule that came later (not_in_force).
 * Or it did flag it, for good (flagged) or until the window closed (retracted).
 */
export const NOT_FLAGGED_REASONS = [
  'flagged',
  'retracted',
  'below',
  'too_diverse',
  'late',
  'duplicate',
  'dead',
  'gap',
  'not_in_force',
] as const
export type NotFlaggedReason = (typeof NOT_FLAGGED_REASONS)[number]

/** The window in which a session came closest to a rule's condition. */
export interface Peak {
  readonly startMs: number
  readonly endMs: number
  readonly events: number
  readonly distinctItems: number
  /** Most different items that the rule allows to so many events; infinity when it does not look at them. */
  readonly maxDistinct: number
}

export interface WhyNot {
  readonly reason: NotFlaggedReason
  /** Over the events that count; undefined when there are none. */
  readonly peak: Peak | undefined
}

interface Tallied {
  events: number
  readonly items: Set<string>
}

/**
 * The window of `rule` that was closest to its condition: of those with enough events the one with the fewest items too
 * many, else the one with the most events. The earliest of equal ones.
 */
export function closestWindow(rule: RuleInForce, steps: readonly SessionStep[]): Peak | undefined {
  const windows = new Map<number, Tallied>()
  for (const { event } of steps) {
    if (!event) continue
    const pane = paneOf(event.event_ts)
    for (let start = oldestWindowStart(rule.window, pane); start <= pane; start += rule.window.slidePanes) {
      const window = windows.get(start) ?? { events: 0, items: new Set<string>() }
      windows.set(start, window)
      window.events++
      if (event.item_id !== null) window.items.add(event.item_id)
    }
  }
  const peaks = [...windows]
    .sort(([a], [b]) => a - b)
    .map(([start, { events, items }]) => peakOf(rule, start, events, items.size))
  const [first, ...others] = peaks
  return first && others.reduce((best, peak) => (isCloser(rule, peak, best) ? peak : best), first)
}

const peakOf = (rule: RuleInForce, start: number, events: number, distinctItems: number): Peak => ({
  startMs: start * PANE_MS,
  endMs: (start + rule.window.sizePanes) * PANE_MS,
  events,
  distinctItems,
  maxDistinct: rule.condition.maxDistinct(events),
})

function isCloser({ condition: { minEvents } }: RuleInForce, a: Peak, b: Peak): boolean {
  if (a.events < minEvents || b.events < minEvents) return a.events > b.events
  const [tooManyInA, tooManyInB] = [a, b].map((peak) => Math.max(0, peak.distinctItems - peak.maxDistinct))
  return tooManyInA === tooManyInB ? a.events > b.events : (tooManyInA ?? 0) < (tooManyInB ?? 0)
}

const holds = ({ condition }: RuleInForce, peak: Peak | undefined): boolean =>
  peak !== undefined && peak.events >= condition.minEvents && peak.distinctItems <= peak.maxDistinct

const NOT_COUNTED = ['late', 'dead', 'duplicate'] as const satisfies readonly Fate[]

/**
 * Why a rule has not flagged a session.
 * @param steps the session's records, in offset order
 * @param rows the anomalies that they raised
 * @param gapsMs when records were lost, in event time
 */
export function whyNot(
  rule: RuleInForce,
  steps: readonly SessionStep[],
  rows: readonly Pick<Anomaly, 'ruleId' | 'mode' | 'status'>[],
  gapsMs: readonly number[],
): WhyNot {
  const own = rows.filter(({ ruleId, mode }) => ruleId === rule.ruleId && mode === rule.mode)
  const accepted = steps.filter(({ fate }) => fate === 'accepted')
  const peak = closestWindow(rule, accepted)
  if (own.some(({ status }) => status !== 'retracted')) return { reason: 'flagged', peak }
  if (own.length > 0) return { reason: 'retracted', peak }
  if (holds(rule, peak)) return { reason: 'not_in_force', peak }
  const needed = (peak?.events ?? 0) >= rule.condition.minEvents
  if (needed) return { reason: 'too_diverse', peak }
  return { reason: whatWasMissing(rule, steps) ?? (isNearGap(rule, steps, gapsMs) ? 'gap' : 'below'), peak }
}

/** Whether a window that the session was in may have lost records. */
const isNearGap = (
  { condition: { windowMs } }: RuleInForce,
  steps: readonly SessionStep[],
  gapsMs: readonly number[],
): boolean => steps.some(({ event }) => event && gapsMs.some((gapMs) => Math.abs(event.event_ts - gapMs) < windowMs))

/** The fate without which the session had been flagged, if there is one; of several, the one that cost most events. */
function whatWasMissing(rule: RuleInForce, steps: readonly SessionStep[]): (typeof NOT_COUNTED)[number] | undefined {
  const withFates = (fates: readonly Fate[]): boolean =>
    couldHold(
      rule,
      steps.filter(({ fate }) => fate === 'accepted' || fates.includes(fate)),
    )
  const counts = (of: Fate): number => steps.filter(({ fate }) => fate === of).length
  const alone = NOT_COUNTED.find((fate) => counts(fate) > 0 && withFates([fate]))
  if (alone !== undefined || !withFates(NOT_COUNTED)) return alone
  return [...NOT_COUNTED].sort((a, b) => counts(b) - counts(a))[0]
}

/** A record that could not be decoded may have been in any window. */
function couldHold(rule: RuleInForce, steps: readonly SessionStep[]): boolean {
  const peak = closestWindow(rule, steps)
  if (!peak) return false
  const events = peak.events + steps.filter(({ event }) => event === undefined).length
  return events >= rule.condition.minEvents && peak.distinctItems <= rule.condition.maxDistinct(events)
}
