import assert from 'node:assert/strict'
import fc from 'fast-check'
import { planPartitions } from '../../../../domain/partition-planning/plan-partitions.js'
import { addDays, parseUtcDay, utcDayOf } from '../../../../domain/utc-day.js'
import { propertyRuns } from '../property-runs.js'

const anyDay = fc.integer({ min: 400, max: 40_000 }).map((days) => utcDayOf(days * 86_400_000))
const anyPolicy = fc.record({
  daysAhead: fc.integer({ min: 1, max: 60 }),
  retentionDays: fc.integer({ min: 1, max: 400 }),
})
const anyCase = fc
  .tuple(anyDay, anyPolicy, fc.array(fc.integer({ min: -420, max: 80 }), { maxLength: 100 }))
  .map(([today, policy, offsets]) => ({ today, policy, existing: offsets.map((offset) => addDays(today, offset)) }))

describe('planPartitions', () => {
  it('creates today and the days ahead on an empty table, over a leap day and the end of a month', () => {
    const plan = planPartitions(parseUtcDay('2028-02-26'), [], { daysAhead: 7, retentionDays: 30 })
    assert.deepEqual(plan, {
      create: ['02-26', '02-27', '02-28', '02-29', '03-01', '03-02', '03-03', '03-04'].map((day) => `2028-${day}`),
      expired: [],
      oldestKept: '2028-01-27',
    })
  })

  it('finds the days past the retention, oldest first, and keeps the day at its edge', () => {
    const existing = ['2026-09-02', '2026-09-01', '2026-08-31', '2025-12-31'].map(parseUtcDay)
    const { expired } = planPartitions(parseUtcDay('2026-10-01'), existing, { daysAhead: 1, retentionDays: 30 })
    assert.deepEqual(expired, ['2025-12-31', '2026-08-31'])
  })

  it('leaves nothing to do once its plan is carried out, and never plans a day that is there', () => {
    fc.assert(
      fc.property(anyCase, ({ today, existing, policy }) => {
        const { create } = planPartitions(today, existing, policy)
        assert.ok(create.every((day) => !existing.includes(day)))
        assert.deepEqual(planPartitions(today, [...existing, ...create], policy).create, [])
      }),
      { numRuns: propertyRuns },
    )
  })

  it('covers every day from today to the last one ahead, and no other', () => {
    fc.assert(
      fc.property(anyCase, ({ today, existing, policy }) => {
        const { create } = planPartitions(today, existing, policy)
        const have = new Set([...existing, ...create])
        for (let ahead = 0; ahead <= policy.daysAhead; ahead += 1) assert.ok(have.has(addDays(today, ahead)))
        assert.ok(create.every((day) => day >= today && day <= addDays(today, policy.daysAhead)))
      }),
      { numRuns: propertyRuns },
    )
  })

  it('finds exactly the days that are older than the retention, each once', () => {
    fc.assert(
      fc.property(anyCase, ({ today, existing, policy }) => {
        const { expired } = planPartitions(today, existing, policy)
        const old = [...new Set(existing)].filter((day) => day < addDays(today, -policy.retentionDays)).sort()
        assert.deepEqual(expired, old)
      }),
      { numRuns: propertyRuns },
    )
  })

  it('refuses a policy that prepares or keeps nothing', () => {
    for (const policy of [
      { daysAhead: 0, retentionDays: 30 },
      { daysAhead: 7, retentionDays: 0 },
      { daysAhead: 1.5, retentionDays: 30 },
      { daysAhead: 7, retentionDays: Number.NaN },
    ])
      assert.throws(() => planPartitions(parseUtcDay('2026-10-01'), [], policy), { code: 'GRD_BAD_INPUT' })
  })
})
