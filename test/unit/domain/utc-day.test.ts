import assert from 'node:assert/strict'
import fc from 'fast-check'
import { addDays, DAY_MS, parseUtcDay, startOfDayMs, utcDayOf } from '../../../domain/utc-day.js'
import { propertyRuns } from './property-runs.js'

const anyInstant = fc.integer({ min: 0, max: 4_000_000_000_000 })

describe('a UTC day', () => {
  it('holds its instant', () => {
    fc.assert(
      fc.property(anyInstant, (ms) => {
        const start = startOfDayMs(utcDayOf(ms))
        assert.ok(start <= ms && ms < start + DAY_MS)
      }),
      { numRuns: propertyRuns },
    )
  })

  it('compares as text as it does in time', () => {
    fc.assert(
      fc.property(anyInstant, anyInstant, (a, b) => {
        const [dayA, dayB] = [utcDayOf(a), utcDayOf(b)]
        assert.equal(dayA < dayB, startOfDayMs(dayA) < startOfDayMs(dayB))
      }),
      { numRuns: propertyRuns },
    )
  })

  it('goes over the ends of months, leap days and years', () => {
    const next = (day: string) => addDays(parseUtcDay(day), 1)
    assert.equal(next('2024-02-28'), '2024-02-29')
    assert.equal(next('2024-02-29'), '2024-03-01')
    assert.equal(next('2026-02-28'), '2026-03-01')
    assert.equal(next('2100-02-28'), '2100-03-01')
    assert.equal(next('2026-12-31'), '2027-01-01')
    assert.equal(addDays(parseUtcDay('2024-03-01'), -1), '2024-02-29')
  })

  it('refuses what is no day', () => {
    for (const text of [
      '',
      '2026-02-29',
      '2026-13-01',
      '2026-00-10',
      '2026-1-1',
      '2026-10-01T00:00:00Z',
      ' 2026-10-01',
      '20261001',
      '+02026-10-01',
    ])
      assert.throws(() => parseUtcDay(text), { code: 'GRD_BAD_INPUT' }, text)
  })
})
