import assert from 'node:assert/strict'
import { exponentOf } from '../../../../domain/events/currencies.js'
import { DEAD_LETTER_CODES, FATES, type ObservedEvent } from '../../../../domain/detection/fate.js'
import {
  EARLIEST_EVENT_MS,
  faultOf,
  LATEST_EVENT_MS,
  MAX_ID_LENGTH,
  MAX_AMOUNT,
  MAX_ITEM_ID_LENGTH,
  MAX_QUANTITY,
} from '../../../../domain/events/event-fault.js'

const NOON = Date.UTC(2026, 9, 1, 12)
const SKEW_MS = 300_000
const SECRET = 'secret-canary'
const EVENT: ObservedEvent = {
  event_id: 'e',
  event_ts: NOON,
  ingest_ts: NOON,
  session_id: 's',
  user_id: null,
  item_id: null,
}

const faultWith = (change: Partial<ObservedEvent>, appendMs = NOON) =>
  faultOf({ ...EVENT, ...change }, appendMs, SKEW_MS)

describe('faultOf', () => {
  it('takes a whole event, with or without user and item', () => {
    assert.equal(faultWith({}), undefined)
    assert.equal(faultWith({ user_id: 'u', item_id: 'i' }), undefined)
    assert.equal(faultWith({ user_id: '', item_id: '' }), undefined)
    assert.equal(faultWith({ event_id: 'x'.repeat(MAX_ID_LENGTH) }), undefined)
  })

  for (const field of ['event_id', 'session_id', 'user_id'] as const) {
    it(`refuses a ${field} that is too long or has a NUL, and names the field, not its value`, () => {
      for (const text of [SECRET.repeat(50), `${SECRET}\0`]) {
        const fault = faultWith({ [field]: text })
        assert.equal(fault?.code, 'INVALID')
        assert.match(fault.detail, new RegExp(field))
        assert.ok(!fault.detail.includes(SECRET))
      }
    })
  }

  it('refuses an item_id that is too long, and takes one with a NUL, which is only counted', () => {
    assert.equal(faultWith({ item_id: 'x'.repeat(MAX_ITEM_ID_LENGTH + 1) })?.code, 'INVALID')
    assert.equal(faultWith({ item_id: 'x'.repeat(MAX_ITEM_ID_LENGTH) }), undefined)
    assert.equal(faultWith({ item_id: 'x\0' }), undefined)
  })

  it('refuses an ingest_ts that no row can have', () => {
    for (const ingestMs of [Number.NaN, -9e15, 0, EARLIEST_EVENT_MS - 1, LATEST_EVENT_MS + 1, 9e15])
      assert.equal(faultWith({ ingest_ts: ingestMs })?.code, 'INVALID', String(ingestMs))
    assert.equal(faultWith({ ingest_ts: EARLIEST_EVENT_MS }), undefined)
    assert.equal(faultWith({ ingest_ts: LATEST_EVENT_MS }), undefined)
  })

  it('refuses an empty event_id or session_id', () => {
    assert.deepEqual(faultWith({ event_id: '' }), { code: 'INVALID', detail: 'event_id is empty' })
    assert.deepEqual(faultWith({ session_id: '' }), { code: 'INVALID', detail: 'session_id is empty' })
  })

  it('refuses an event_ts that is no time, or an absurd one', () => {
    for (const eventMs of [Number.NaN, -1, 0, EARLIEST_EVENT_MS - 1, LATEST_EVENT_MS + 1, Infinity, -Infinity])
      assert.equal(faultWith({ event_ts: eventMs }, LATEST_EVENT_MS * 2)?.code, 'INVALID', String(eventMs))
    assert.equal(faultWith({ event_ts: EARLIEST_EVENT_MS }), undefined)
    assert.equal(faultWith({ event_ts: LATEST_EVENT_MS }, LATEST_EVENT_MS), undefined)
  })

  it('measures the future by the log append time, and says by how much', () => {
    assert.equal(faultWith({ event_ts: NOON + SKEW_MS }), undefined)
    const fault = faultWith({ event_ts: NOON + SKEW_MS + 1 })
    assert.deepEqual([fault?.code, fault?.detail.includes('300001 ms')], ['FUTURE_TIMESTAMP', true])
    assert.equal(faultWith({ event_ts: NOON + SKEW_MS + 1 }, NOON + 1), undefined)
  })
})

describe('faultOf of a purchase', () => {
  const SALE = { ...EVENT, order_id: 'o', item_id: 'i', quantity: 1, unit_price: 1_999, currency: 'EUR' }
  const fault = (change: Partial<ObservedEvent>) => faultOf({ ...SALE, ...change }, NOON, SKEW_MS)

  it('takes sales, free items and returns, up to the bounds', () => {
    for (const change of [
      {},
      { unit_price: 0 },
      { quantity: -50 },
      { quantity: MAX_QUANTITY, unit_price: MAX_AMOUNT / MAX_QUANTITY },
      { quantity: -1, unit_price: MAX_AMOUNT },
      { currency: 'JPY' },
    ])
      assert.equal(fault(change), undefined, JSON.stringify(change))
  })

  it('refuses what no sum can hold, and what is no money, and names the field', () => {
    const cases: readonly (readonly [Partial<ObservedEvent>, string])[] = [
      [{ quantity: 2_147_483_647, unit_price: 9_007_199_254_740_990 }, 'quantity'],
      [{ unit_price: 9e15 }, 'unit_price'],
      [{ quantity: 2, unit_price: MAX_AMOUNT }, 'unit_price'],
      [{ quantity: -2, unit_price: MAX_AMOUNT }, 'unit_price'],
      [{ quantity: 1.5 }, 'quantity'],
      [{ quantity: undefined }, 'quantity'],
      [{ unit_price: -1 }, 'unit_price'],
      [{ unit_price: 19.99 }, 'unit_price'],
      [{ unit_price: Number.NaN }, 'unit_price'],
      [{ currency: '' }, 'currency'],
      [{ currency: 'eur' }, 'currency'],
      [{ currency: 'XAU' }, 'currency'],
      [{ currency: undefined }, 'currency'],
      [{ order_id: '' }, 'order_id'],
      [{ order_id: 'o\0' }, 'order_id'],
      [{ item_id: '' }, 'item_id'],
      [{ item_id: null }, 'item_id'],
    ]
    for (const [change, field] of cases) {
      const found = fault(change)
      assert.deepEqual([found?.code, found?.detail.split(' ')[0]], ['INVALID', field], JSON.stringify(change))
    }
  })

  it('bounds what a day sums: thousands of the largest amounts stay below 2^53', () => {
    assert.ok(Math.floor(Number.MAX_SAFE_INTEGER / MAX_AMOUNT) >= 9_000)
  })
})

describe('exponentOf', () => {
  it('knows every currency that shops use, with its digits', () => {
    const known = Object.entries({ EUR: 2, USD: 2, JPY: 0, KRW: 0, ISK: 0, KWD: 3, TND: 3, CLF: 4, HUF: 2, HRK: 2 })
    for (const [code, exponent] of known) assert.equal(exponentOf(code), exponent, code)
    for (const code of ['XAU', 'XTS', 'XXX', 'EUX', '', 'eur', 'EURO']) assert.equal(exponentOf(code), undefined, code)
  })

  it('agrees with the currencies of the ECMAScript runtime that are in use', () => {
    const names = new Intl.DisplayNames('en', { type: 'currency', fallback: 'none' })
    const inUse = Intl.supportedValuesOf('currency').filter((code) => {
      const name = names.of(code)
      return (
        name !== undefined &&
        !/\(\d{4}|[0-9]{4}\)|Gold|Silver|Platinum|Palladium|Testing|Unit|Reserve|Drawing/.test(name)
      )
    })
    const missing = inUse.filter((code) => exponentOf(code) === undefined)
    assert.ok(inUse.length > 140)
    assert.deepEqual(
      missing.filter((code) => !NO_MONEY.includes(code)),
      [],
    )
  })
})

/** The unit of account of a regional fund. */
const NO_MONEY: readonly string[] = ['XSU']

describe('FATES and DEAD_LETTER_CODES', () => {
  it('are closed lists that others rely on', () => {
    assert.deepEqual([...FATES], ['accepted', 'duplicate', 'late', 'dead'])
    assert.deepEqual([...DEAD_LETTER_CODES], ['DECODE', 'INVALID', 'FUTURE_TIMESTAMP', 'TOO_LARGE'])
  })
})
