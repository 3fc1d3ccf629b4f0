import assert from 'node:assert/strict'
import { DisturbedTraffic } from '../../../../cli/simulate/disturbed-traffic.js'
import { ManifestWriter } from '../../../../cli/simulate/manifest.js'
import { MALFORMATION_KINDS } from '../../../../cli/simulate/malformation.js'
import type { PlannedRecord } from '../../../../cli/simulate/planned-record.js'
import type { TrafficPlan } from '../../../../cli/simulate/shop-traffic.js'

const START_MS = Date.UTC(2026, 2, 1)
const planOf = (changes: Partial<TrafficPlan> = {}): TrafficPlan => ({
  seed: 1,
  startMs: START_MS,
  recordsPerSecond: 200,
  clock: 'past',
  ...changes,
})

function take(plan: TrafficPlan, count: number): PlannedRecord[] {
  const traffic = new DisturbedTraffic(plan)
  return Array.from({ length: count }, () => traffic.next())
}

const timeOf = ({ event }: PlannedRecord): number =>
  event.kind === 'purchase' ? event.purchase.event_ts : event.click.event_ts

describe('DisturbedTraffic', function () {
  this.timeout(30_000)
  const records = take(planOf(), 60_000)

  it('is a function of its plan', () => {
    const digest = (plan: TrafficPlan) => JSON.stringify(take(plan, 3_000))
    assert.equal(digest(planOf()), digest(planOf()))
    assert.notEqual(digest(planOf()), digest(planOf({ seed: 2 })))
    assert.notEqual(digest(planOf()), digest(planOf({ startMs: START_MS + 1 })))
  })

  it('comes in the order of sending, at the rate that was asked for', () => {
    for (let i = 1; i < records.length; i++) assert.ok((records[i]?.sendAtMs ?? 0) >= (records[i - 1]?.sendAtMs ?? 0))
    const seconds = ((records.at(-1)?.sendAtMs ?? 0) - START_MS) / 1_000
    assert.ok(Math.abs(records.length / seconds - 200) < 12, `${records.length / seconds} records/s`)
    assert.ok(records.every((record) => record.sendAtMs >= START_MS))
  })

  it('is disturbed as described', () => {
    const share = (test: (record: PlannedRecord) => boolean) => records.filter(test).length / records.length
    const near = (value: number, wanted: number) => Math.abs(value - wanted) < wanted * 0.2
    assert.ok(
      near(
        share((r) => r.fate === 'duplicate'),
        0.01,
      ),
    )
    assert.ok(
      near(
        share((r) => r.isOutOfOrder),
        0.05,
      ),
    )
    assert.ok(share((r) => r.fate === 'late') > 0.001)
    assert.ok(share((r) => r.fate === 'FUTURE_TIMESTAMP') > 0.001)
    const kinds = new Set(records.flatMap(({ event }) => (event.kind === 'malformed' ? [event.malformation] : [])))
    assert.deepEqual([...kinds].sort(), [...MALFORMATION_KINDS].sort())
  })

  it('keeps what is to be accepted within the lateness, and what is to be late far behind it', () => {
    for (const record of records) {
      const behindMs = record.sendAtMs - timeOf(record)
      if (record.fate === 'accepted' || record.fate === 'duplicate') assert.ok(behindMs <= 26_000, `${behindMs}`)
      if (record.fate === 'late') assert.ok(behindMs >= 60_000 + 30_000, `${behindMs}`)
    }
  })

  it('has people who log in, and ids in lower case', () => {
    const users = new Map<string, Set<string | null>>()
    for (const { event, session } of records)
      if (event.kind === 'click' && session.kind === 'person') {
        const seen = users.get(event.click.session_id) ?? new Set()
        users.set(event.click.session_id, seen.add(event.click.user_id))
        assert.match(event.click.event_id, /^[0-9a-f-]{36}$/)
      }
    const all = [...users.values()]
    assert.ok(
      all.some((seen) => seen.size === 2 && seen.has(null)),
      'somebody logs in within a session',
    )
    assert.ok(
      all.every((seen) => [...seen].filter((user) => user !== null).length <= 1),
      'nobody becomes somebody else',
    )
  })

  it('begins with a scraper whose fiftieth event in a window comes within ten seconds', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const startMs = START_MS + seed * 777
      const counts = new Map<string, number>()
      const traffic = new DisturbedTraffic(planOf({ seed, startMs, clock: 'live' }))
      for (;;) {
        const record = traffic.next()
        assert.ok(record.sendAtMs < startMs + 10_000, `seed ${seed}: no crossing in time`)
        if (record.session.kind !== 'scraper' || record.fate !== 'accepted') continue
        const window = `${record.session.visitor.sessionId} ${Math.floor(timeOf(record) / 10_000)}`
        counts.set(window, (counts.get(window) ?? 0) + 1)
        if (counts.get(window) === 50) break
      }
    }
  })

  it('lets an abnormal session begin every 20 to 30 s in the mean of a long run', () => {
    const manifest = new ManifestWriter(planOf())
    for (const record of records) manifest.count(record, 't', 0)
    const { abnormal } = manifest.manifest()
    const seconds = ((records.at(-1)?.sendAtMs ?? 0) - START_MS) / 1_000
    const found = abnormal.scraper + abnormal.bot + abnormal.widening_bot
    assert.ok(seconds / found > 12 && seconds / found < 32, `one in ${seconds / found} s`)
  })

  it('gives live clients clocks that are minutes fast, and past ones seconds', () => {
    const ahead = (clock: 'live' | 'past') =>
      take(planOf({ clock }), 20_000)
        .filter((record) => record.fate === 'accepted')
        .reduce((most, record) => Math.max(most, timeOf(record) - record.sendAtMs), 0)
    assert.ok(ahead('live') > 60_000 && ahead('live') <= 240_000)
    assert.ok(ahead('past') <= 4_000)
  })
})

describe('ManifestWriter', () => {
  it('counts every record once by event, topic, fate and partition', () => {
    const manifest = new ManifestWriter(planOf())
    const records = take(planOf(), 5_000)
    records.forEach((record, i) => manifest.count(record, record.event.kind === 'purchase' ? 'p' : 'c', i % 3))
    const truth = manifest.manifest()
    const sum = (counts: Readonly<Record<string, number>> | undefined) =>
      Object.values(counts ?? {}).reduce((a, b) => a + b, 0)
    assert.equal(truth.records, 5_000)
    assert.equal(sum(truth.events), 5_000)
    assert.equal(sum(truth.fates['c']) + sum(truth.fates['p']), 5_000)
    assert.equal(sum(truth.produced['c']), sum(truth.fates['c']))
    assert.equal(sum(truth.malformed), truth.events.malformed)
    const [first] = truth.abnormalSessions
    assert.equal(first?.kind, 'scraper')
    const its = records.filter(
      (r) => r.event.kind === 'click' && r.event.click.session_id === first.session_id && r.fate === 'accepted',
    )
    assert.equal(first.accepted, its.length)
  })
})
