import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ANOMALY_STATUSES, type Anomaly } from '../../../../domain/detection/anomaly.js'
import { FATES, type ObservedEvent } from '../../../../domain/detection/fate.js'
import { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { isRepresentative, propertyRuns, propertyTimeoutMs } from '../property-runs.js'
import { BruteForce } from './brute-force.js'
import { anyPlan, asInForce, oracleRule, type Plan } from './random-log.js'
import { byIdentity } from './row-order.js'

/** How often each kind of result was seen: a property that never meets a case says nothing about it. */
class Tally {
  readonly #seen = new Map<string, number>()

  add(name: string): void {
    this.#seen.set(name, (this.#seen.get(name) ?? 0) + 1)
  }

  assertSeen(names: readonly string[]): void {
    if (!isRepresentative) return
    const missing = names.filter((name) => !this.#seen.has(name))
    assert.deepEqual(missing, [], `never seen; seen were ${JSON.stringify(Object.fromEntries(this.#seen))}`)
  }
}

const note = (tally: Tally, { rules }: Plan, rows: readonly Anomaly[]): void => {
  for (const row of rows) {
    const rule = rules.find(({ ruleId, mode }) => ruleId === row.ruleId && mode === row.mode)
    tally.add(row.status)
    tally.add(`${row.evidence.rule.kind} ${row.status}`)
    tally.add(`${row.mode} ${row.status}`)
    tally.add(`size ${((rule?.sizeMs ?? 0) / 10_000).toString()}`)
    if (rule) tally.add(rule.slideMs === rule.sizeMs ? 'tumbling' : rule.sizeMs % rule.slideMs ? 'uneven' : 'sliding')
    if (row.userId === null) tally.add('no user')
    if (row.distinctItems > 4) tally.add('more items than a pane holds inline')
    if (row.evidence.first_event_id.startsWith('\uFEFF')) tally.add('text id')
  }
}

describe('PartitionDetector', () => {
  it('decides every record as a computation from scratch does', function () {
    this.timeout(propertyTimeoutMs)
    const tally = new Tally()
    fc.assert(
      fc.property(anyPlan, fc.integer({ min: 1, max: 40 }), (plan, updateEvery) => {
        const oracle = new BruteForce(plan.policy, plan.rules)
        const detector = new PartitionDetector(plan.policy, plan.rules.map(asInForce))
        for (const [i, record] of plan.log.entries()) {
          const expected = oracle.process(record)
          assert.equal(detector.process(record.event, record.offset, record.appendMs), expected.fate)
          assert.equal(expected.fate === 'dead' ? detector.fault?.code : undefined, oracle.deadCode)
          assert.deepEqual(byIdentity(detector.takeChanges()), byIdentity(expected.changes))
          if (i % updateEvery === 0) assert.deepEqual(byIdentity(detector.takeUpdates()), byIdentity(oracle.updates()))
          tally.add(expected.fate)
          if (oracle.deadCode !== undefined) tally.add(oracle.deadCode)
          note(tally, plan, expected.changes)
        }
        assert.equal(detector.watermarkMs, oracle.watermarkMs)
        assert.equal(detector.openWindows.size, oracle.openCount)
        assert.deepEqual(detector.counts, oracle.counts)
      }),
      { numRuns: propertyRuns },
    )
    tally.assertSeen([...FATES, ...ANOMALY_STATUSES, 'INVALID', 'FUTURE_TIMESTAMP', 'tumbling', 'sliding', 'uneven'])
    tally.assertSeen(ANOMALY_STATUSES.flatMap((status) => [`active ${status}`, `shadow ${status}`]))
    tally.assertSeen(ANOMALY_STATUSES.map((status) => `LOW_DIVERSITY_RATIO ${status}`))
    tally.assertSeen([1, 2, 3, 4, 5, 6, 30, 360].map((panes) => `size ${panes}`))
    tally.assertSeen(['no user', 'more items than a pane holds inline', 'text id'])
  })

  it('lets other versions of a rule decide from the next record on, and leaves open windows with theirs', function () {
    this.timeout(propertyTimeoutMs)
    const threshold = fc.record({ minEvents: fc.integer({ min: 1, max: 8 }), maxDistinctItems: fc.nat({ max: 3 }) })
    fc.assert(
      fc.property(anyPlan, fc.array(threshold, { minLength: 1, maxLength: 4 }), ({ policy, log }, thresholds) => {
        const versions = thresholds.map((t, i) => [
          oracleRule('bots', 'active', i, { windowMs: 60_000, slideMs: 10_000, ...t }),
        ])
        const oracle = new BruteForce(policy, versions[0] ?? [])
        const detector = new PartitionDetector(policy, (versions[0] ?? []).map(asInForce))
        for (const [i, record] of log.entries()) {
          const next = versions[(i + 1) / 25]
          if (next) {
            oracle.useRules(next)
            detector.useRules(next.map(asInForce))
          }
          const expected = oracle.process(record)
          assert.equal(detector.process(record.event, record.offset, record.appendMs), expected.fate)
          assert.deepEqual(byIdentity(detector.takeChanges()), byIdentity(expected.changes))
        }
      }),
      { numRuns: propertyRuns },
    )
  })
})

const NOON = Date.UTC(2026, 9, 1, 12)
const POLICY = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
const EVENT = { event_ts: NOON, ingest_ts: NOON, session_id: 's', user_id: null, item_id: null }
const BURST = oracleRule('burst', 'active', 1, { windowMs: 10_000, slideMs: 10_000, minEvents: 2 })

/** Feeds events that are told by what matters of them, at consecutive offsets. */
function feeder(detector: PartitionDetector) {
  let offset = -1
  return (event: Partial<ObservedEvent>, appendMs?: number) => {
    const eventMs = event.event_ts ?? NOON
    const whole = { event_ts: eventMs, ingest_ts: eventMs, session_id: 's', user_id: null, item_id: null, ...event }
    const fate = detector.process({ event_id: `e-${++offset}`, ...whole }, offset, appendMs ?? eventMs)
    return { fate, rows: detector.takeChanges() }
  }
}

describe('PartitionDetector, case by case', () => {
  const start = (rules = [BURST], policy = POLICY) => {
    const detector = new PartitionDetector(policy, rules.map(asInForce))
    return { detector, feed: feeder(detector) }
  }

  it('takes an event at the watermark and refuses one a millisecond before it', () => {
    const { feed } = start()
    feed({})
    assert.equal(feed({ event_ts: NOON - 30_000 }).fate, 'accepted')
    assert.equal(feed({ event_ts: NOON - 30_001 }).fate, 'late')
  })

  it('keeps the client of the event that crossed, whoever came before and after', () => {
    const { feed } = start()
    const client = (ip: string) => ({ client: { ip, user_agent: 'test' } })
    feed(client('192.0.2.1'))
    assert.deepEqual(feed(client('192.0.2.2')).rows[0]?.evidence.crossed.client, client('192.0.2.2').client)
    feed(client('192.0.2.3'))
    const closed = feed({ ...client('192.0.2.4'), event_ts: NOON + 60_000 }).rows
    assert.deepEqual(closed[0]?.evidence.crossed.client, client('192.0.2.2').client)
  })

  it('keeps the trace of the event that crossed, and of no other', () => {
    const { feed } = start()
    feed({ traceparent: 'first' })
    assert.equal(feed({ traceparent: 'crossed' }).rows[0]?.evidence.crossed.traceparent, 'crossed')
    feed({ traceparent: 'later' })
    const closed = feed({ event_ts: NOON + 60_000 }).rows
    assert.equal(closed[0]?.evidence.crossed.traceparent, 'crossed')
    assert.ok(!('traceparent' in (feed({ event_ts: NOON + 60_000 }).rows[0]?.evidence.crossed ?? {})))
  })

  it('does not let a fast client clock move the watermark past the log', () => {
    const { detector, feed } = start()
    assert.equal(feed({ event_ts: NOON + 240_000 }, NOON).fate, 'accepted')
    assert.equal(detector.watermarkMs, NOON - 30_000)
  })

  it('takes an event exactly as far in the future as is allowed, and no further', () => {
    const { detector, feed } = start()
    assert.equal(feed({ event_ts: NOON + 300_000 }, NOON).fate, 'accepted')
    assert.equal(feed({ event_ts: NOON + 300_001 }, NOON).fate, 'dead')
    assert.equal(detector.fault?.code, 'FUTURE_TIMESTAMP')
  })

  it('does not let a dead letter move the watermark', () => {
    const { detector, feed } = start()
    feed({})
    feed({ event_ts: NOON + 3_600_000 }, NOON)
    feed({ event_id: '', event_ts: NOON + 60_000 })
    assert.equal(detector.watermarkMs, NOON - 30_000)
  })

  it('calls a repeat late, not duplicate, once the watermark has passed the id', () => {
    const { feed } = start()
    feed({ event_id: 'twice' })
    assert.equal(feed({ event_id: 'twice' }).fate, 'duplicate')
    feed({ event_ts: NOON + 30_000 })
    assert.equal(feed({ event_id: 'twice' }).fate, 'duplicate')
    feed({ event_ts: NOON + 30_001 })
    assert.equal(feed({ event_id: 'twice' }).fate, 'late')
    assert.equal(feed({ event_id: 'twice', event_ts: NOON + 30_001 }).fate, 'accepted')
  })

  it('closes a window at the record whose watermark reaches its end, and not before', () => {
    const { feed } = start()
    feed({})
    assert.deepEqual(
      feed({ event_ts: NOON + 9_999 }).rows.map(({ status }) => status),
      ['open'],
    )
    assert.deepEqual(feed({ event_ts: NOON + 39_999, session_id: 'other' }).rows, [])
    const [row] = feed({ event_ts: NOON + 40_000, session_id: 'other' }).rows
    assert.equal(row?.status, 'confirmed')
    assert.deepEqual([row.firstOffset, row.lastOffset, row.asOfOffset], [0, 1, 3])
  })

  it('forgets a pane when the last window that holds it closes, and not before', () => {
    const { detector, feed } = start([
      oracleRule('long', 'active', 1, { windowMs: 30_000, slideMs: 10_000, minEvents: 99 }),
    ])
    feed({})
    feed({ event_ts: NOON + 59_999, session_id: 'other' })
    assert.notEqual(detector.panes.findKey('s'), -1)
    feed({ event_ts: NOON + 60_000, session_id: 'other' })
    assert.equal(detector.panes.findKey('s'), -1)
  })

  it('retracts a window that many items made harmless', () => {
    const bot = oracleRule('bot', 'active', 1, {
      windowMs: 10_000,
      slideMs: 10_000,
      minEvents: 2,
      maxDistinctItems: 1,
    })
    const { feed } = start([bot])
    feed({ item_id: 'a' })
    assert.equal(feed({ item_id: 'a' }).rows[0]?.status, 'open')
    feed({ item_id: 'b' })
    const [row] = feed({ event_ts: NOON + 60_000, session_id: 'other' }).rows
    assert.deepEqual([row?.status, row?.eventCount, row?.distinctItems], ['retracted', 3, 2])
  })

  it('counts a record that could not be decoded as dead', () => {
    const { detector } = start()
    detector.countDead()
    assert.equal(detector.counts.dead, 1)
  })

  it('counts on for a window that is open when its rule is taken away', () => {
    const { detector, feed } = start()
    feed({})
    feed({})
    detector.useRules([])
    feed({})
    const [row] = feed({ event_ts: NOON + 60_000, session_id: 'other' }).rows
    assert.deepEqual([row?.status, row?.eventCount, row?.ruleVersion], ['confirmed', 3, 1])
    feed({ event_ts: NOON + 61_000 })
    assert.equal(detector.panes.findKey('s'), -1, 'nothing decides any more')
  })

  it('does not change a list of changes that it has given out', () => {
    const { detector, feed } = start()
    const given = detector.takeChanges()
    detector.process({ ...EVENT, event_id: 'a' }, 0, NOON)
    detector.process({ ...EVENT, event_id: 'b' }, 1, NOON)
    assert.deepEqual(given, [])
    assert.equal(feed({}).rows.length, 1)
  })

  it('refuses times whose panes have no number of their own', () => {
    const { detector, feed } = start()
    const lastMs = Date.UTC(2600, 0, 1) - 1
    feed({ event_ts: lastMs })
    feed({ event_ts: lastMs })
    assert.equal(detector.panes.paneCount, 1)
    assert.equal(feed({ event_ts: lastMs + 1 }).fate, 'dead')
    assert.equal(feed({ event_ts: Date.UTC(1999, 11, 31, 23, 59, 59, 999) }, NOON).fate, 'dead')
  })

  it('decides fates when no rule is in force, and keeps no panes', () => {
    const { detector, feed } = start([])
    assert.equal(feed({ event_id: 'x' }).fate, 'accepted')
    assert.equal(feed({ event_id: 'x' }).fate, 'duplicate')
    assert.equal(detector.panes.paneCount, 0)
  })

  it('counts the events that have the identity of another one and say something else', () => {
    const detector = new PartitionDetector({ allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }, [])
    const noon = Date.UTC(2026, 9, 1, 12)
    const first = {
      ...{ event_id: 'e', event_ts: noon, ingest_ts: noon, session_id: 's', user_id: null, item_id: null },
      ...{ event_type: 'page_view', page: '/' },
    }
    const changes: readonly (readonly [Partial<ObservedEvent>, string, number])[] = [
      [{}, 'accepted', 0],
      [{ ingest_ts: noon + 45_000, client: { ip: '192.0.2.1', user_agent: null } }, 'duplicate', 0],
      [{ session_id: 'other' }, 'accepted', 0],
      [{ page: '/other' }, 'duplicate', 1],
      [{ event_type: 'checkout' }, 'duplicate', 1],
      [{ event_ts: noon + 1 }, 'duplicate', 1],
      [{ user_id: 'u' }, 'duplicate', 1],
      [{ item_id: 'i' }, 'duplicate', 1],
      [{ item_id: '' }, 'duplicate', 1],
    ]
    for (const [i, [change, fate, events]] of changes.entries()) {
      assert.equal(detector.process({ ...first, ...change }, i, noon), fate, JSON.stringify(change))
      assert.deepEqual(detector.takeCollisions(), events === 0 ? undefined : { events, sampleOffset: i })
    }
  })
})
