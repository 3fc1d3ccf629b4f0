import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Anomaly } from '../../../../domain/detection/anomaly.js'
import { BackTest } from '../../../../domain/detection/back-test.js'
import { flaggedSessions, mergeResults, resultOf, totalOf } from '../../../../domain/detection/back-test-result.js'
import { backTestDays } from '../../../../domain/detection/check-back-test.js'
import { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { ruleInForce } from '../../../../domain/detection/rule.js'
import { RULE_KINDS } from '../../../../domain/detection/rule-kinds.js'
import { parseUtcDay } from '../../../../domain/utc-day.js'
import { propertyRuns, propertyTimeoutMs } from '../property-runs.js'
import { anyPlan } from './random-log.js'

const POLICY = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
const ALWAYS = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, maxWindows: 100_000 }
const T0 = Date.UTC(2026, 9, 1, 12)

const rule = (minEvents: number, version = 1) =>
  ruleInForce(
    {
      ...{ ruleId: 'HIGH_FREQUENCY', version, kind: 'HIGH_FREQUENCY', state: 'draft' },
      parameters: { windowMs: 10_000, slideMs: 10_000, minEvents },
    },
    'active',
    RULE_KINDS,
  )

let ids = 0
const event = (sessionId: string, atMs: number) => ({
  ...{ event_id: `e${ids++}`, event_ts: atMs, ingest_ts: atMs, session_id: sessionId, user_id: null, item_id: 'i' },
})

/** @returns the rows after so many events of each session in the first ten seconds, and one event behind */
function rowsOf(test: BackTest, events: Readonly<Record<string, number>>, thenMs = T0 + 60_000): Anomaly[] {
  let offset = 0
  for (const [session, count] of Object.entries(events))
    for (let n = 0; n < count; n++) test.decide(event(session, T0 + n), offset++, T0 + n)
  test.decide(event('behind', thenMs), offset, thenMs)
  return test.rows(thenMs)
}

describe('a back-test', () => {
  it('gives the rows that a detector gives, for the candidate and for the rule in force', function () {
    this.timeout(propertyTimeoutMs)
    let flagged = 0
    fc.assert(
      fc.property(anyPlan, ({ policy, log }) => {
        const [candidate, inForce] = [rule(3, 2), rule(5)]
        const test = new BackTest(policy, { candidate, inForce }, ALWAYS)
        for (const { event: one, offset, appendMs } of log) test.decide(one, offset, appendMs)
        const rows = test.rows(Number.NEGATIVE_INFINITY)
        for (const [mode, of] of [
          ['shadow', candidate],
          ['active', inForce],
        ] as const) {
          const detector = new PartitionDetector(policy, [{ ...of, mode }])
          const expected = new Map<string, Anomaly>()
          for (const { event: one, offset, appendMs } of log) {
            detector.process(one, offset, appendMs)
            for (const row of detector.takeChanges()) expected.set(`${row.windowStartMs} ${row.sessionId}`, row)
          }
          for (const row of detector.takeUpdates()) expected.set(`${row.windowStartMs} ${row.sessionId}`, row)
          const own = rows.filter((row) => row.mode === mode)
          assert.deepEqual(new Set(own), new Set(expected.values()))
          flagged += own.length
        }
      }),
      { numRuns: Math.ceil(propertyRuns / 5) },
    )
    assert.ok(flagged > 50, `${flagged} rows`)
  })

  it('says by day and session what the candidate gains and loses, and which of them bought', () => {
    const test = new BackTest(POLICY, { candidate: rule(3), inForce: rule(5) }, ALWAYS)
    const rows = rowsOf(test, { both: 6, gained: 4, bought: 3, neither: 2 })
    assert.deepEqual(flaggedSessions(rows).sort(), ['both', 'bought', 'gained'])
    const { days, samples } = resultOf(rows, new Set(['bought', 'both']))
    assert.deepEqual(days, [
      {
        day: '2026-10-01',
        candidate: { windows: 3, sessions: 3, boughtSessions: 2 },
        inForce: { windows: 1, sessions: 1, boughtSessions: 1 },
        gained: { sessions: 2, boughtSessions: 1 },
        lost: { sessions: 0, boughtSessions: 0 },
      },
    ])
    assert.deepEqual(
      samples.map(({ kind, sessionId, events, bought }) => [kind, sessionId, events, bought]),
      [
        ['gained', 'bought', 3, true],
        ['gained', 'gained', 4, false],
      ],
    )
    const stricter = new BackTest(POLICY, { candidate: rule(6), inForce: rule(5) }, ALWAYS)
    const lost = resultOf(rowsOf(stricter, { five: 5, six: 6 }), new Set())
    assert.deepEqual([lost.days[0]?.lost.sessions, lost.days[0]?.gained.sessions], [1, 0])
  })

  it('counts no window that began on another day, and none that was taken back', () => {
    const span = { ...ALWAYS, fromMs: T0 + 10_000 }
    const rows = rowsOf(new BackTest(POLICY, { candidate: rule(3), inForce: undefined }, span), { early: 9 })
    assert.deepEqual(rows, [])
    const retracted = rowsOf(new BackTest(POLICY, { candidate: rule(3), inForce: undefined }, ALWAYS), { s: 3 })
    const taken = retracted.map((row) => ({ ...row, status: 'retracted' as const }))
    assert.deepEqual([flaggedSessions(taken), resultOf(taken, new Set()).days], [[], []])
  })

  it('closes a window that the log has passed with records that were not read', () => {
    const status = (logHighMs: number) => {
      const test = new BackTest(POLICY, { candidate: rule(3), inForce: undefined }, ALWAYS)
      rowsOf(test, { s: 3 }, T0 + 9_999)
      return test.rows(logHighMs).map((row) => row.status)
    }
    assert.deepEqual(status(T0 + 39_999), ['open'])
    assert.deepEqual(status(T0 + 40_000), ['confirmed'])
  })

  it('goes on behind records that are not read: what is late for them is late', () => {
    const test = new BackTest(POLICY, { candidate: rule(3), inForce: undefined }, ALWAYS)
    test.resumeBehind(T0 + 40_000)
    assert.deepEqual(rowsOf(test, { late: 9 }), [])
  })

  it('refuses a rule that flags more windows than may be kept', () => {
    const test = new BackTest(POLICY, { candidate: rule(1), inForce: undefined }, { ...ALWAYS, maxWindows: 2 })
    assert.throws(() => rowsOf(test, { a: 1, b: 1, c: 1 }), /flag more than 2 windows/)
  })

  it('adds up partitions and days, with a line for a day on which nothing is flagged', () => {
    const [one, two] = [parseUtcDay('2026-10-01'), parseUtcDay('2026-10-02')]
    const part = (sessions: Record<string, number>) =>
      resultOf(rowsOf(new BackTest(POLICY, { candidate: rule(3), inForce: rule(5) }, ALWAYS), sessions), new Set(['a']))
    const { days, samples } = mergeResults([one, two], [part({ a: 3 }), part({ b: 6, c: 4 })])
    assert.deepEqual(
      days.map(({ day, candidate, inForce, gained }) => [day, candidate.windows, inForce.sessions, gained.sessions]),
      [
        [one, 3, 1, 2],
        [two, 0, 0, 0],
      ],
    )
    assert.deepEqual(totalOf(days).candidate, { windows: 3, sessions: 3, boughtSessions: 1 })
    assert.deepEqual(
      samples.map(({ sessionId }) => sessionId),
      ['a', 'c'],
    )
    const many = mergeResults([one], [part(Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`s${n}`, 3])))])
    assert.equal(many.samples.length, 20)
  })

  it('is of days that are over, and not of too many', () => {
    const now = Date.parse('2026-10-05T00:00:00Z')
    assert.deepEqual(backTestDays('2026-10-03', '2026-10-04', now, 2), ['2026-10-03', '2026-10-04'])
    assert.throws(() => backTestDays('2026-10-04', '2026-10-05', now, 31), /2026-10-05 is not over/)
    assert.throws(() => backTestDays('2026-10-01', '2026-10-03', now, 2), /has 3 days, and at most 2/)
    assert.throws(() => backTestDays('2026-10-03', '2026-10-01', now, 2), /before it begins/)
    assert.throws(() => backTestDays('2026-02-30', '2026-03-01', now, 9), /not a day/)
  })
})
