import assert from 'node:assert/strict'
import { createEncoder } from '../../../../platform/avro/codec.js'
import { PlatformError } from '../../../../platform/platform-error.js'
import { AVRO_SCHEMAS, OBSERVED_EVENT_SCHEMA } from '../../../../schemas/avro-schemas.js'
import { TOPICS } from '../../../../domain/events.js'
import { EventReader } from '../../../../workers/archiver/event-reader.js'

const NOW = Date.UTC(2026, 9, 1)
const schema = AVRO_SCHEMAS[TOPICS.purchases] ?? ''
const encode = createEncoder(schema, 7)
const purchase = {
  event_id: 'e1',
  event_ts: NOW,
  ingest_ts: NOW + 1,
  source: 'shop',
  session_id: 's1',
  user_id: null,
  order_id: 'o1',
  item_id: 'i1',
  quantity: 2,
  unit_price: 1_999,
  currency: 'EUR',
}

const newReader = (fullSchema = schema): EventReader =>
  new EventReader({
    observedSchema: OBSERVED_EVENT_SCHEMA('Purchase'),
    fullSchema,
    schemaById: (id) =>
      id === 7 ? Promise.resolve(schema) : Promise.reject(new PlatformError('SCHEMA_UNKNOWN', 'no such schema')),
    maxRecordBytes: 1_000,
    maxFutureSkewMs: 60_000,
  })

describe('EventReader', () => {
  it('reads all fields of a valid event', async () => {
    const reader = newReader()
    const value = encode(purchase)
    assert.deepEqual([...reader.decoder.missingIds([value])], [7])
    await reader.decoder.learn(7)
    const { event, isWhole } = reader.read(value, NOW)
    assert.deepEqual([{ ...event }, isWhole], [purchase, true])
  })

  it('refuses what the detector calls a dead letter, with the same codes', async () => {
    const reader = newReader()
    await reader.decoder.learn(7)
    await reader.decoder.learn(8)
    const value = encode(purchase)
    const faults = [
      reader.read(null, NOW),
      reader.read(Buffer.concat([value, Buffer.from([1])]), NOW),
      reader.read(Buffer.concat([Buffer.from([0, 0, 0, 0, 8]), value.subarray(5)]), NOW),
      reader.read(Buffer.alloc(1_001), NOW),
      reader.read(encode({ ...purchase, session_id: '' }), NOW),
      reader.read(value, NOW - 60_001),
    ].map(({ fault }) => fault)
    assert.deepEqual(faults, ['DECODE', 'DECODE', 'DECODE', 'TOO_LARGE', 'INVALID', 'FUTURE_TIMESTAMP'])
  })

  it('never keeps an event without its fields: a price that cannot be read is a dead letter', async () => {
    const reader = newReader()
    await reader.decoder.learn(7)
    const unreadable = Buffer.concat([
      encode(purchase).subarray(0, -6), // without the price and the currency
      Buffer.from('feffffffffffffff7f', 'hex'), // a price of 2^62 - 1
      Buffer.from([6, ...Buffer.from('EUR')]),
    ])
    assert.deepEqual(reader.read(unreadable, NOW), { fault: 'DECODE', isWhole: false })
  })
})
