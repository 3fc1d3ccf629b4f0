import assert from 'node:assert/strict'
import { parseTimeZone } from '../../../../domain/shop-day.js'
import { daysOfWindow } from '../../../../domain/review/verdict.js'

const days = (start: string, end: string, zone = 'UTC') =>
  daysOfWindow(parseTimeZone(zone), Date.parse(start), Date.parse(end))

describe('the days of a window', () => {
  it('are those that it has a part in; its end is no part of it', () => {
    assert.deepEqual(days('2026-10-01T12:00:00Z', '2026-10-01T12:00:10Z'), ['2026-10-01'])
    assert.deepEqual(days('2026-10-01T23:59:50Z', '2026-10-02T00:00:00Z'), ['2026-10-01'])
    assert.deepEqual(days('2026-10-01T14:59:30Z', '2026-10-01T15:00:30Z', 'Asia/Seoul'), ['2026-10-01', '2026-10-02'])
    assert.deepEqual(days('2026-10-01T23:59:30Z', '2026-10-02T00:00:30Z'), ['2026-10-01', '2026-10-02'])
  })
})
