import fc from 'fast-check'
import { RULE_KINDS } from '../../../../domain/detection/rule-kinds.js'
import { type RuleInForce, type RuleMode, ruleInForce } from '../../../../domain/detection/rule.js'
import type { LogRecord, OraclePolicy, OracleRule } from './brute-force.js'

const SECOND = 1_000
const HOUR = 3_600_000
const START_MS = Date.UTC(2026, 9, 1, 12)
const SESSIONS = ['s-heavy', 's-1', 's-2', '\uFEFFs-bom', 'séance-☂']
const ITEMS = ['i-0', 'i-1', 'i-2', 'i-3', 'i-4', 'i-5', 'i-6', '\uFEFF']
const USERS = ['u-0', 'u-1', '']

export interface Plan {
  readonly policy: OraclePolicy
  readonly rules: readonly OracleRule[]
  readonly log: readonly LogRecord[]
}

/** When an event says it happened: so long after (before) the log's clock, or so long after the watermark. */
interface EventTime {
  readonly from: 'clock' | 'watermark'
  readonly byMs: number
}

/** One step of a log: the clock goes on, then one or several events of a session come, or an earlier one again. */
interface Step {
  readonly advanceMs: number
  readonly session: number
  readonly times: readonly EventTime[]
  readonly items: readonly number[]
  readonly user: number
  readonly idForm: number
  readonly again: number | undefined
  readonly flaw: number
}

const oneOf = <T>(...choices: readonly (readonly [number, fc.Arbitrary<T>])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const eventTime: fc.Arbitrary<EventTime> = oneOf<EventTime>(
  [30, fc.record({ from: fc.constant('clock' as const), byMs: fc.integer({ min: -3 * SECOND, max: 0 }) })],
  [10, fc.record({ from: fc.constant('clock' as const), byMs: fc.integer({ min: -40 * SECOND, max: 0 }) })],
  [3, fc.record({ from: fc.constant('clock' as const), byMs: fc.integer({ min: 0, max: 280 * SECOND }) })],
  [1, fc.record({ from: fc.constant('clock' as const), byMs: fc.constantFrom(300_000, 300_001, 900_000) })],
  [4, fc.record({ from: fc.constant('watermark' as const), byMs: fc.constantFrom(-1_000, -1, 0, 1, 1_000, 9_999) })],
)

const step: fc.Arbitrary<Step> = fc.record({
  advanceMs: oneOf(
    [60, fc.integer({ min: 0, max: 2_500 })],
    [8, fc.constantFrom(9_999, 10_000, 10_001, 30_000)],
    [5, fc.integer({ min: 0, max: 90 * SECOND })],
    [1, fc.integer({ min: HOUR - 1_000, max: HOUR + 100_000 })],
  ),
  session: oneOf([6, fc.constant(0)], [4, fc.nat({ max: SESSIONS.length - 1 })]),
  times: oneOf<EventTime[]>(
    [6, fc.array(eventTime, { minLength: 1, maxLength: 1 })],
    [3, fc.array(eventTime, { minLength: 2, maxLength: 7 })],
  ),
  items: fc.array(oneOf([3, fc.constant(0)], [2, fc.integer({ min: -1, max: ITEMS.length - 1 })]), {
    minLength: 1,
    maxLength: 4,
  }),
  user: fc.integer({ min: -3, max: USERS.length - 1 }),
  idForm: oneOf([6, fc.constant(0)], [3, fc.integer({ min: 1, max: 5 })]),
  again: oneOf<number | undefined>([5, fc.constant(undefined)], [2, fc.nat({ max: 40 })]),
  flaw: oneOf([30, fc.constant(0)], [1, fc.integer({ min: 1, max: 7 })]),
})

/** Ids that are compared as bits, as text, and those that differ from one another only in letter case. */
function eventId(n: number, form: number): string {
  const uuid = `${(n + 0xabcd_0000).toString(16)}-0fed-7abc-8def-${n.toString(16).padStart(12, 'c')}`
  return [uuid, uuid, uuid.toUpperCase(), `order/${n}`, `\uFEFF${n}`, uuid.replaceAll('-', '_')][form] ?? uuid
}

const FLAWS: readonly ((event: LogRecord['event']) => LogRecord['event'])[] = [
  (event) => event,
  (event) => ({ ...event, event_id: '' }),
  (event) => ({ ...event, session_id: '' }),
  (event) => ({ ...event, event_ts: Date.UTC(1999, 11, 31) }),
  (event) => ({ ...event, event_ts: Number.NaN }),
  (event) => ({ ...event, session_id: 'x'.repeat(513) }),
  (event) => ({ ...event, user_id: 'a\0b' }),
  (event) => ({ ...event, event_ts: Date.UTC(2600, 0, 1) }),
]

function layOut(steps: readonly Step[], policy: OraclePolicy): LogRecord[] {
  const log: LogRecord[] = []
  let clockMs = START_MS
  let watermarkMs = START_MS - policy.allowedLatenessMs
  for (const { advanceMs, session, times, items, user, idForm, again, flaw } of steps) {
    clockMs += advanceMs
    times.forEach(({ from, byMs }, i) => {
      const earlier = again === undefined ? undefined : log[log.length - 1 - again]?.event
      const event = {
        event_id: earlier?.event_id ?? eventId(log.length, idForm),
        event_ts: earlier && i % 2 === 0 ? earlier.event_ts : (from === 'clock' ? clockMs : watermarkMs) + byMs,
        ingest_ts: clockMs - 7,
        session_id: earlier && i % 4 === 0 ? earlier.session_id : (SESSIONS[session] ?? ''),
        user_id: USERS[user] ?? null,
        item_id: ITEMS[items[i % items.length] ?? 0] ?? null,
      }
      log.push({ offset: 100 + log.length * 2, appendMs: clockMs, event: FLAWS[flaw]?.(event) ?? event })
      if (flaw === 0 && event.event_ts <= clockMs + policy.maxFutureSkewMs)
        watermarkMs = Math.max(watermarkMs, Math.min(event.event_ts, clockMs) - policy.allowedLatenessMs)
    })
  }
  return log
}

const size = oneOf([5, fc.integer({ min: 1, max: 6 })], [1, fc.constantFrom(30, 360)])

/** One rule, or an active and a shadow version of it. Slides need not divide their size. */
const ruleVersions: fc.Arbitrary<Omit<OracleRule, 'ruleId'>[]> = fc
  .record({
    size,
    slide: fc.nat({ max: 999 }),
    minEvents: fc.integer({ min: 1, max: 9 }),
    most: fc.oneof(
      fc.constant({}),
      fc.record({ maxDistinctItems: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ maxDistinctRatio: fc.integer({ min: 0, max: 1_000 }).map((permille) => permille / 1_000) }),
    ),
    modes: fc.constantFrom<RuleMode[]>(['active'], ['active'], ['shadow'], ['active', 'shadow']),
  })
  .map(({ size, slide, minEvents, most, modes }) => {
    // A window of an hour slides in long steps: the oracle would be slow, and learn nothing from more of them.
    const slidePanes = size > 6 ? size / 3 : 1 + (slide % size)
    return modes.map((mode, i) =>
      oracleRule('', mode, i + 1, {
        windowMs: size * 10_000,
        slideMs: slidePanes * 10_000,
        minEvents: minEvents + i,
        ...most,
      }),
    )
  })

export const anyRules: fc.Arbitrary<OracleRule[]> = fc
  .array(ruleVersions, { minLength: 1, maxLength: 3 })
  .map((rules) => rules.flatMap((versions, i) => versions.map((rule) => ({ ...rule, ruleId: `rule-${i}` }))))

export const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    allowedLatenessMs: oneOf(
      [5, fc.constant(30_000)],
      [2, fc.constantFrom(0, 1, 10_000)],
      [1, fc.nat({ max: 60_000 })],
    ),
    rules: anyRules,
    steps: fc.array(step, { minLength: 1, maxLength: 110, size: 'max' }),
  })
  .map(({ allowedLatenessMs, rules, steps }) => {
    const policy = { allowedLatenessMs, maxFutureSkewMs: 300_000 }
    return { policy, rules, log: layOut(steps, policy) }
  })

export interface RuleParameters {
  readonly windowMs: number
  readonly slideMs: number
  readonly minEvents: number
  readonly maxDistinctItems?: number
  readonly maxDistinctRatio?: number
}

const kindOf = ({ maxDistinctItems, maxDistinctRatio }: RuleParameters): string =>
  maxDistinctRatio !== undefined
    ? 'LOW_DIVERSITY_RATIO'
    : maxDistinctItems === undefined
      ? 'HIGH_FREQUENCY'
      : 'BOT_LIKE'

/** A rule as the oracle reads it; `asInForce` is the same one as it is stored and parsed. */
export const oracleRule = (
  ruleId: string,
  mode: RuleMode,
  version: number,
  parameters: RuleParameters,
): OracleRule => ({
  ruleId,
  version,
  mode,
  kind: kindOf(parameters),
  parameters: { ...parameters },
  sizeMs: parameters.windowMs,
  slideMs: parameters.slideMs,
  minEvents: parameters.minEvents,
  maxDistinctItems: parameters.maxDistinctItems ?? null,
  maxPermille: parameters.maxDistinctRatio === undefined ? null : Math.round(parameters.maxDistinctRatio * 1_000),
})

export const asInForce = ({ ruleId, version, kind, mode, parameters }: OracleRule): RuleInForce =>
  ruleInForce({ ruleId, version, kind, state: mode, parameters }, mode, RULE_KINDS)
