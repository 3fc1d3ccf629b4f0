import assert from 'node:assert/strict'
import fc from 'fast-check'
import { faultOf, MAX_AMOUNT, MAX_QUANTITY } from '../../../../domain/events/event-fault.js'
import { checkEvent, type CheckContext, type CollectedEvent } from '../../../../api/collector/check-event.js'

const NOW_MS = Date.UTC(2026, 9, 1, 12)
const CLICK = { type: 'click', session_id: 's1', event_type: 'item_view', item_id: 'i1', page: '/i1' }
const PURCHASE = {
  type: 'purchase',
  session_id: 's1',
  order_id: 'o1',
  item_id: 'i1',
  quantity: 1,
  unit_price: 1_999,
  currency: 'EUR',
}
const how = (more: Partial<CheckContext> = {}): CheckContext => ({
  nowMs: NOW_MS,
  maxFutureSkewMs: 300_000,
  client: { ip: null, userAgent: null },
  createId: () => 'made',
  ...more,
})
const fit = (given: unknown, more: Partial<CheckContext> = {}): CollectedEvent => {
  const { fit: found, rejection } = checkEvent(given, how(more))
  assert.ok(found, JSON.stringify(rejection))
  return found
}
const rejected = (given: unknown) => {
  const { rejection } = checkEvent(given, how())
  assert.ok(rejection)
  return [rejection.code, rejection.errors.map(({ path }) => path).join()]
}

describe('checkEvent', () => {
  it('tells clicks from purchases, and says when it took them in', () => {
    const click = fit({ ...CLICK, event_id: 'e1', event_ts: '2026-10-01T13:59:59+02:00' })
    assert.equal(click.topic, 'km.clicks.v1')
    const { event_id, event_ts, ingest_ts, user_id } = click.event
    assert.deepEqual([event_id, event_ts, ingest_ts, user_id], ['e1', NOW_MS - 1_000, NOW_MS, null])
    assert.equal(fit({ ...PURCHASE, event_ts: NOW_MS }).topic, 'km.purchases.v1')
  })

  it('takes placeholders for unknown, and gives an address one spelling', () => {
    const client = { ip: '192.0.2.1', userAgent: 'Browser' }
    for (const unknown of ['-', '', '""', null, undefined]) {
      const { event } = fit(
        { ...CLICK, user_id: unknown, item_id: unknown, ip: unknown, user_agent: unknown, referrer: unknown },
        { client },
      )
      assert.ok('ip' in event)
      const { user_id, item_id, ip, user_agent, referrer } = event
      assert.deepEqual(
        [user_id, item_id, ip, user_agent, referrer],
        [null, null, '192.0.2.1', 'Browser', null],
        String(unknown),
      )
    }
    const { event } = fit({ ...CLICK, ip: '[2001:DB8::7]:443' })
    assert.equal('ip' in event && event.ip, '2001:db8::7')
  })

  it('makes an id and takes its own time where the caller says none', () => {
    const { event } = fit(CLICK)
    assert.deepEqual([event.event_id, event.event_ts, event.source], ['made', NOW_MS, 'collector'])
  })

  it('notes the caller of a click that does not say, where it is told to, and cuts the user agent', () => {
    const client = { ip: '192.0.2.1', userAgent: 'x'.repeat(5_000) }
    const noted = fit(CLICK, { client }).event
    assert.ok('ip' in noted)
    assert.deepEqual([noted.ip, noted.user_agent?.length], ['192.0.2.1', 1_024])
    const said = fit({ ...CLICK, ip: '198.51.100.7', user_agent: 'a' }, { client }).event
    assert.ok('ip' in said)
    assert.deepEqual([said.ip, said.user_agent], ['198.51.100.7', 'a'])
    const unknown = fit(CLICK).event
    assert.ok('ip' in unknown)
    assert.deepEqual([unknown.ip, unknown.user_agent], [null, null])
  })

  it('never rejects an event for a text that no rule judges: it is cut, and what cannot be stored is replaced', () => {
    for (const [field, most] of [
      ['page', 4_096],
      ['referrer', 4_096],
      ['user_agent', 1_024],
      ['source', 100],
      ['ip', 64],
    ] as const) {
      const { event } = fit({ ...CLICK, [field]: `a\0b\ud800${'x'.repeat(5_000)}` })
      const taken = (event as unknown as Record<string, string>)[field] ?? ''
      assert.ok(taken.startsWith('a\ufffdb\ufffdxx'), field)
      assert.equal(taken.length, most, field)
      const edge = fit({ ...CLICK, [field]: `${'x'.repeat(most - 1)}🛒` }).event as unknown as Record<string, string>
      assert.equal(edge[field], `${'x'.repeat(most - 1)}\ufffd`, field)
    }
    assert.equal(fit({ ...CLICK, source: '-' }).event.source, 'collector')
  })

  it('rejects what the detector would, under the same code, naming the field', () => {
    const cases: readonly (readonly [unknown, string, string])[] = [
      [null, 'INVALID', ''],
      ['click', 'INVALID', ''],
      [{}, 'INVALID', 'type'],
      [{ ...CLICK, type: 'view' }, 'INVALID', 'type'],
      [{ ...CLICK, session_id: '' }, 'INVALID', 'session_id'],
      [{ ...CLICK, session_id: 'x'.repeat(513) }, 'INVALID', 'session_id'],
      [{ ...CLICK, session_id: 's\0' }, 'INVALID', 'session_id'],
      [{ ...CLICK, session_id: 's\ud800' }, 'INVALID', 'session_id'],
      [{ ...CLICK, event_id: '' }, 'INVALID', 'event_id'],
      [{ ...CLICK, event_id: 'e1' }, 'EVENT_TS_REQUIRED', 'event_ts'],
      [{ ...PURCHASE, event_id: 'e1' }, 'EVENT_TS_REQUIRED', 'event_ts'],
      [{ ...CLICK, event_type: 'hover' }, 'INVALID', 'event_type'],
      [{ ...CLICK, event_ts: 'yesterday' }, 'INVALID', 'event_ts'],
      [{ ...CLICK, event_ts: '2026-10-01T12:00:00' }, 'INVALID', 'event_ts'],
      [{ ...CLICK, event_ts: 0 }, 'INVALID', 'event_ts'],
      [{ ...CLICK, event_ts: NOW_MS + 300_001 }, 'FUTURE_TIMESTAMP', 'event_ts'],
      [{ ...CLICK, ingest_ts: NOW_MS }, 'INVALID', 'ingest_ts'],
      [{ ...PURCHASE, quantity: 1.5 }, 'INVALID', 'quantity'],
      [{ ...PURCHASE, unit_price: 2 ** 60 }, 'INVALID', 'unit_price'],
      [{ ...PURCHASE, currency: 'eur' }, 'INVALID', 'currency'],
      [{ ...PURCHASE, currency: 'EUX' }, 'INVALID', 'currency'],
      [{ ...PURCHASE, quantity: 2_147_483_647, unit_price: 9_007_199_254_740_990 }, 'INVALID', 'quantity,unit_price'],
      [{ ...PURCHASE, quantity: 1_000, unit_price: 1_000_000_001 }, 'INVALID', 'unit_price'],
      [{ ...PURCHASE, quantity: -1_000_001 }, 'INVALID', 'quantity'],
      [{ ...PURCHASE, unit_price: -1 }, 'INVALID', 'unit_price'],
      [{ ...PURCHASE, item_id: undefined }, 'INVALID', 'item_id'],
    ]
    for (const [given, code, path] of cases) assert.deepEqual(rejected(given), [code, path], JSON.stringify(given))
  })

  it('judges purchases as Kafka readers do: what it takes is valid to them, and what it refuses is not', () => {
    const near = (...edges: number[]) =>
      fc.oneof(...edges.map((edge) => fc.integer({ min: -2, max: 2 }).map((by) => edge + by)))
    const quantity = near(0, 1, MAX_QUANTITY, -MAX_QUANTITY, 1_000)
    const unit_price = near(0, 1_999, MAX_AMOUNT, MAX_AMOUNT / 1_000, MAX_AMOUNT / MAX_QUANTITY)
    const currency = fc.constantFrom('EUR', 'JPY', 'KWD', 'XAU', 'XXX', 'EUX', 'eur', '')
    const ids = fc.constantFrom('', 'o', 'x'.repeat(512), 'x'.repeat(513), 'o\0')
    fc.assert(
      fc.property(quantity, unit_price, currency, ids, ids, (quantity, unit_price, currency, order_id, item_id) => {
        const given = { ...PURCHASE, quantity, unit_price, currency, order_id, item_id: item_id.replace('\0', '') }
        const event = { ...given, event_id: 'e', event_ts: NOW_MS, ingest_ts: NOW_MS, user_id: null }
        const isValid = faultOf(event, NOW_MS, 300_000) === undefined
        assert.equal(checkEvent(given, how()).fit !== undefined, isValid, JSON.stringify(given))
      }),
      { numRuns: 500 },
    )
  })

  it('takes a return: a purchase of a negative quantity', () => {
    const { event } = fit({ ...PURCHASE, quantity: -50 })
    assert.ok('quantity' in event)
    assert.equal(event.quantity, -50)
  })

  it('takes a whole surrogate pair, and a clock that is fast within the allowance', () => {
    assert.equal(fit({ ...CLICK, session_id: '🛒' }).event.session_id, '🛒')
    assert.equal(fit({ ...CLICK, event_ts: NOW_MS + 300_000 }).event.event_ts, NOW_MS + 300_000)
  })
})
