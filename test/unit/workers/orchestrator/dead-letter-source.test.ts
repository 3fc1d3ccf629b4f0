import assert from 'node:assert/strict'
import { TOPICS } from '../../../../domain/events.js'
import { createEncoder } from '../../../../platform/avro/codec.js'
import { AVRO_SCHEMAS } from '../../../../schemas/avro-schemas.js'
import { sourceOf } from '../../../../workers/orchestrator/dead-letter-source.js'

const NOW = Date.UTC(2026, 9, 6)
const click = (more: object = {}): Buffer =>
  createEncoder(
    AVRO_SCHEMAS[TOPICS.clicks] ?? '',
    4_711,
  )({
    ...{ event_id: 'e1', event_ts: NOW, ingest_ts: NOW, source: 'web', session_id: 's1', user_id: null },
    ...{ event_type: 'page_view', item_id: null, page: '/', ip: null, user_agent: null, referrer: null },
    ...more,
  })

describe('sourceOf', () => {
  it('reads it of a value whose schema id nobody knows, and of one that lacks its end or has too much', () => {
    const value = click()
    for (const one of [value, value.subarray(0, value.length - 3), Buffer.concat([value, Buffer.from('more')])])
      assert.equal(sourceOf({}, one), 'web')
    assert.equal(sourceOf({}, value.subarray(0, 12)), undefined)
  })

  it('reads it of an event that is invalid: no id, or one absurd time', () => {
    assert.equal(sourceOf({}, click({ event_id: '' })), 'web')
    assert.equal(sourceOf({}, click({ event_ts: 0 })), 'web')
    assert.equal(sourceOf({}, click({ ingest_ts: 1e15 })), 'web')
  })

  it('reads it of JSON in place of Avro', () => {
    assert.equal(sourceOf({}, Buffer.from('{"source":"old-importer","event_ts":"?"}')), 'old-importer')
    assert.equal(sourceOf({}, Buffer.from('{"source":5}')), undefined)
    assert.equal(sourceOf({}, Buffer.from('{"source":"web"')), undefined)
    assert.equal(sourceOf({}, Buffer.from(`{"source":"web","page":"${'x'.repeat(70_000)}"}`)), undefined)
  })

  it('takes no text for it that stands where it would stand in an event', () => {
    assert.equal(sourceOf({}, Buffer.from('not an event, but long enough to hold some strings')), undefined)
    assert.equal(sourceOf({}, click({ event_ts: 1, ingest_ts: 2 })), undefined)
    assert.equal(sourceOf({}, null), undefined)
    assert.equal(sourceOf({}, Buffer.alloc(0)), undefined)
  })

  it('believes a header first, the one that was added last', () => {
    assert.equal(sourceOf({ 'guardian.source': Buffer.from('app') }, click()), 'app')
    assert.equal(sourceOf({ ce_source: ['a', Buffer.from('b')] }, null), 'b')
    assert.equal(sourceOf({ 'guardian.source': '' }, click()), 'web')
  })
})
