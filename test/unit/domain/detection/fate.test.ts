import assert from 'node:assert/strict'
import {
  DEAD_LETTER_CODES,
  EARLIEST_EVENT_MS,
  FATES,
  faultOf,
  LATEST_EVENT_MS,
  MAX_ID_LENGTH,
  MAX_ITEM_ID_LENGTH,
  type ObservedEvent,
} from '../../../../domain/detection/fate.js'

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

describe('FATES and DEAD_LETTER_CODES', () => {
  it('are closed lists that others rely on', () => {
    assert.deepEqual([...FATES], ['accepted', 'duplicate', 'late', 'dead'])
    assert.deepEqual([...DEAD_LETTER_CODES], ['DECODE', 'INVALID', 'FUTURE_TIMESTAMP', 'TOO_LARGE'])
  })
})
