import assert from 'node:assert/strict'
import fc from 'fast-check'
import { zoneOffset } from '../../../../cli/ingest/zone-offset.js'
import { createTimeReader, parseLogTime, UTC } from '../../../../domain/web-log/log-time.js'

const TEN = Date.UTC(2026, 9, 6, 10)

describe('parseLogTime', () => {
  it('reads one instant in every notation', () => {
    for (const text of [
      ...['06/Oct/2026:10:00:00 +0000', '06/Oct/2026:12:00:00 +0200', '06/Oct/2026:10:00:00', '6/Oct/2026:10:00:00 Z'],
      ...['2026-10-06T10:00:00+00:00', '2026-10-06T10:00:00Z', '2026-10-06 10:00:00', '2026-10-06T19:00:00+0900'],
      ...[
        '2026-10-06T15:30:00+05:30',
        '2026/10/06 10:00:00.000',
        'Tue, 06 Oct 2026 10:00:00 GMT',
        '2026-10-06T05:00:00-05',
      ],
      ...['1791280800', '1791280800.000', '1791280800000', '1791280800000000', '1791280800000000000'],
    ])
      assert.equal(parseLogTime(text), TEN, text)
  })

  it('keeps milliseconds, however many digits', () => {
    for (const text of [
      ...['06/Oct/2026:10:00:00.123 +0000', '2026-10-06T10:00:00.123Z', '2026-10-06T10:00:00,123456+00:00'],
      ...['1791280800.123', '1791280800.123456', '1791280800123', '1791280800123456', '2026-10-06T10:00:00.123456789Z'],
    ])
      assert.equal(parseLogTime(text), TEN + 123, text)
    assert.equal(parseLogTime('2026-10-06T10:00:00.5Z'), TEN + 500)
  })

  it('refuses what is no time, does not exist, or cannot be meant', () => {
    for (const text of [
      ...[
        '',
        '-',
        '31/Feb/2026:10:00:00 +0000',
        '06/Okt/2026:10:00:00 +0000',
        '06/Oct/2026:24:00:00 +0000',
        '2026-13-01T00:00:00Z',
      ],
      ...[
        '06/Oct/2026:10:60:00 +0000',
        '06/Oct/2026:10:00:61 +0000',
        '06/Oct/1999:10:00:00 +0000',
        '06/Oct/2026:10:00:00 +9900',
      ],
      ...[
        '123',
        '99999999999999999999',
        '2700-01-01T00:00:00Z',
        '06/Oct/2026',
        '10:00:00',
        '29/Feb/2026:10:00:00 +0000',
      ],
    ])
      assert.equal(parseLogTime(text), undefined, text)
    assert.equal(parseLogTime('31/Dec/2016:23:59:60 +0000'), Date.UTC(2016, 11, 31, 23, 59, 59))
  })

  it('agrees with Date about ISO times in every zone', () => {
    const instants = fc.date({ min: new Date('2000-01-02'), max: new Date('2599-01-01'), noInvalidDate: true })
    fc.assert(
      fc.property(instants, fc.integer({ min: -14 * 4, max: 14 * 4 }), (instant, quarters) => {
        const sign = quarters < 0 ? '-' : '+'
        const minutes = Math.abs(quarters) * 15
        const zone = `${sign}${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
        const text = new Date(instant.getTime() + quarters * 900_000).toISOString().replace('Z', zone)
        assert.equal(parseLogTime(text), Date.parse(text))
      }),
    )
  })

  it('reads local times in the zone that they are in, also on days when clocks change', () => {
    const read = (zone: string, text: string) => createTimeReader(zoneOffset(zone))(text)
    assert.equal(read('+09:00', '2026-10-06 19:00:00'), TEN)
    assert.equal(read('Asia/Kolkata', '2026-10-06 15:30:00'), TEN)
    assert.equal(read('Europe/Berlin', '2026-03-29 01:59:59'), Date.UTC(2026, 2, 29, 0, 59, 59))
    assert.equal(read('Europe/Berlin', '2026-03-29 03:00:00'), Date.UTC(2026, 2, 29, 1))
    assert.equal(read('Europe/Berlin', '2026-10-25 04:00:00'), Date.UTC(2026, 9, 25, 3))
    assert.equal(read('Australia/Lord_Howe', '2026-12-01 12:00:00'), Date.UTC(2026, 11, 1, 1))
    assert.equal(createTimeReader(UTC)('2026-10-06 10:00:00'), TEN)
    assert.throws(() => zoneOffset('Nowhere/City'), RangeError)
  })
})
