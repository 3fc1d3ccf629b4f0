import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  dailyStartHour,
  parseTimeZone,
  shopDayBounds,
  shopDayOf,
  startOfShopDayMs,
  UTC,
} from '../../../domain/shop-day.js'
import { addDays, parseUtcDay, utcDayOf } from '../../../domain/utc-day.js'

const HOUR_MS = 3_600_000

/** Each is odd in its own way: half hours, quarters, clocks that move at midnight, by half an hour, or once and for all. */
const ZONES = [
  ...['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Asia/Kathmandu', 'Pacific/Chatham', 'Pacific/Auckland'],
  ...['Australia/Lord_Howe', 'America/Sao_Paulo', 'America/Santiago', 'Africa/Cairo', 'Asia/Beirut', 'Atlantic/Azores'],
  ...['Pacific/Apia', 'Pacific/Kiritimati', 'America/St_Johns', 'Africa/Casablanca', 'Asia/Seoul', 'America/Havana'],
] // prettier-ignore

/**
 * The beginnings of days by Python's own zones and in another way: minute after minute is asked for its date.
 */
const ORACLE = `
import json, sys
from datetime import datetime, timedelta, timezone, date
from zoneinfo import ZoneInfo
out = []
for zone, day in json.load(sys.stdin):
    tz, d = ZoneInfo(zone), date.fromisoformat(day)
    at = datetime(d.year, d.month, d.day, tzinfo=timezone.utc) - timedelta(hours=28)
    while at.astimezone(tz).date() < d:
        at += timedelta(minutes=1)
    out.append(int(at.timestamp() * 1000))
print(json.dumps(out))
`

describe('days of a shop', function () {
  this.timeout(240_000)

  it('begin when Python says so, in every odd zone: around each change of the clocks, and on other days', () => {
    const asked: [string, string][] = []
    for (const name of ZONES) {
      const zone = parseTimeZone(name)
      for (const year of [2011, 2018, 2026]) {
        let day = parseUtcDay(`${year}-01-01`)
        for (let i = 0; i < 365; i++, day = addDays(day, 1)) {
          const { fromMs, toMs } = shopDayBounds(zone, day)
          if (toMs - fromMs !== 24 * HOUR_MS || i % 97 === 0)
            asked.push(...[-1, 0, 1].map((n): [string, string] => [name, addDays(day, n)]))
        }
      }
    }
    assert.ok(asked.length > 300, `${asked.length} days`)
    const answer = execFileSync('python3', ['-c', ORACLE], { input: JSON.stringify(asked), encoding: 'utf8' })
    const differences = (JSON.parse(answer) as number[]).flatMap((startMs, i) => {
      const [zone = '', day = ''] = asked[i] ?? []
      const ours = startOfShopDayMs(parseTimeZone(zone), parseUtcDay(day))
      return ours === startMs
        ? []
        : [`${zone} ${day}: ${new Date(ours).toISOString()}, not ${new Date(startMs).toISOString()}`]
    })
    assert.deepEqual(differences, [])
  })

  it('have 23, 24 and 25 hours, and 24 and a half', () => {
    const hours = (zone: string, day: string): number => {
      const { fromMs, toMs } = shopDayBounds(parseTimeZone(zone), parseUtcDay(day))
      return (toMs - fromMs) / HOUR_MS
    }
    assert.deepEqual(
      ['2026-03-28', '2026-03-29', '2026-10-25'].map((day) => hours('Europe/Berlin', day)),
      [24, 23, 25],
    )
    assert.deepEqual(
      ['2026-04-05', '2026-10-04'].map((day) => hours('Australia/Lord_Howe', day)),
      [24.5, 23.5],
    )
    assert.deepEqual([hours('Pacific/Apia', '2011-12-30'), hours('Africa/Cairo', '2026-04-24')], [0, 23])
    assert.equal(new Date(startOfShopDayMs(parseTimeZone('Asia/Kolkata'), parseUtcDay('2026-10-06'))).toISOString(), '2026-10-05T18:30:00.000Z') // prettier-ignore
  })

  it('hold every instant once: each is of the day whose bounds it lies within', () => {
    for (const name of ZONES) {
      const zone = parseTimeZone(name)
      for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 19 * HOUR_MS + 1_234_567) {
        const day = shopDayOf(zone, at)
        const { fromMs, toMs } = shopDayBounds(zone, day)
        assert.ok(fromMs <= at && at < toMs, `${name} ${new Date(at).toISOString()} ${day}`)
      }
    }
    assert.equal(shopDayOf(UTC, 0), utcDayOf(0))
    // At one minute past midnight the clocks of St John's went back to the day before.
    const zone = parseTimeZone('America/St_Johns')
    const midnight = startOfShopDayMs(zone, parseUtcDay('2010-11-07'))
    assert.deepEqual(
      [midnight - 1, midnight, midnight + HOUR_MS / 2].map((at) => shopDayOf(zone, at)),
      ['2010-11-06', '2010-11-07', '2010-11-07'],
    )
  })

  it('start their schedule at half past midnight, or later where some day has no such time', () => {
    const from = Date.UTC(2026, 0, 1)
    const hours = [
      'UTC',
      'Europe/Berlin',
      'Asia/Kolkata',
      'Africa/Cairo',
      'Asia/Beirut',
      'Atlantic/Azores',
      'America/Havana',
    ]
    assert.deepEqual(
      hours.map((name) => dailyStartHour(parseTimeZone(name), 30, from)),
      [0, 0, 0, 1, 1, 1, 1],
    )
  })

  it('are refused of a zone that does not exist, or is spelled as Temporal does not know it', () => {
    for (const name of ['Europe/Atlantis', 'europe/berlin', '+02:00', '', 'Europe/Berlin; DROP', '../etc/localtime'])
      assert.throws(() => parseTimeZone(name), { code: 'GRD_BAD_INPUT' }, name)
    assert.equal(parseTimeZone('Etc/GMT+5'), 'Etc/GMT+5')
  })
})
