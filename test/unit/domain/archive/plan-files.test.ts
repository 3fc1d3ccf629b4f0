import assert from 'node:assert/strict'
import { MAX_DAYS_PER_ROLL, dayOfNumber, planFiles } from '../../../../domain/archive/plan-files.js'

describe('planFiles', () => {
  it('gives each day a file of its own, most rows first', () => {
    assert.deepEqual(
      planFiles([
        { dayNumber: 20_000, rows: 5 },
        { dayNumber: 20_001, rows: 9 },
      ]).map(({ day, days }) => [day, days.map(({ rows }) => rows)]),
      [
        ['2024-10-05', [9]],
        ['2024-10-04', [5]],
      ],
    )
    assert.deepEqual(planFiles([]), [])
  })

  it('puts the rarest days into one file when there are too many: every row is in exactly one', () => {
    const days = Array.from({ length: 1_000 }, (_, i) => ({ dayNumber: 11_000 + i, rows: 1 + (i % 7) }))
    const files = planFiles(days)
    assert.equal(files.length, MAX_DAYS_PER_ROLL + 1)
    assert.deepEqual(
      files.map(({ day }) => day).filter((day) => day === 'other'),
      ['other'],
    )
    const planned = files.flatMap((file) => file.days)
    assert.equal(new Set(planned.map(({ dayNumber }) => dayNumber)).size, 1_000)
    assert.ok(files.slice(0, -1).every((file) => file.days[0]?.rows === 7))
  })

  it('knows leap days', () => assert.equal(dayOfNumber(Date.UTC(2028, 1, 29) / 86_400_000), '2028-02-29'))
})
