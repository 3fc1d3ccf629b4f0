import assert from 'node:assert/strict'
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
      [{ ...CLICK, page: '\udc00' }, 'INVALID', 'page'],
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
      [{ ...PURCHASE, item_id: undefined }, 'INVALID', 'item_id'],
    ]
    for (const [given, code, path] of cases) assert.deepEqual(rejected(given), [code, path], JSON.stringify(given))
  })

  it('takes a whole surrogate pair, and a clock that is fast within the allowance', () => {
    assert.equal(fit({ ...CLICK, session_id: '🛒' }).event.session_id, '🛒')
    assert.equal(fit({ ...CLICK, event_ts: NOW_MS + 300_000 }).event.event_ts, NOW_MS + 300_000)
  })
})
