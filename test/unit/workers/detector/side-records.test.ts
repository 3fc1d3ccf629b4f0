import assert from 'node:assert/strict'
import type { RecordBatch } from '../../../../platform/kafka/consumer.js'
import { deadLetter, lateRecord } from '../../../../workers/detector/side-records.js'

const ORIGIN = { topic: 'km.clicks.v1', partition: 2 }
type ConsumedRecord = RecordBatch['records'][number]

const record = (of: Partial<Pick<ConsumedRecord, 'key' | 'value' | 'headers'>> = {}): ConsumedRecord => ({
  key: Buffer.from([1, 2]),
  value: Buffer.from([3, 4]),
  timestamp: '5',
  attributes: 0,
  offset: '77',
  ...of,
  headers: of.headers ?? { trace: Buffer.from('t') },
})

describe('side records', () => {
  it('keep key, value and headers, and say where they are from and why', () => {
    const { topic, key, value, headers } = deadLetter(record(), ORIGIN, 'DECODE', 'the value is null')
    assert.equal(topic, 'km.events.dlq.v1')
    assert.deepEqual([key, value], [Buffer.from([1, 2]), Buffer.from([3, 4])])
    assert.deepEqual(headers, {
      trace: Buffer.from('t'),
      '__connect.errors.topic': 'km.clicks.v1',
      '__connect.errors.partition': '2',
      '__connect.errors.offset': '77',
      '__connect.errors.stage': 'VALUE_CONVERTER',
      '__connect.errors.exception.class.name': 'guardian.DECODE',
      '__connect.errors.exception.message': 'the value is null',
      'guardian.error.code': 'DECODE',
    })
    assert.deepEqual(lateRecord(record({ value: null, key: null }), ORIGIN, 1_500), {
      topic: 'km.events.late.v1',
      key: null,
      value: null,
      headers: {
        trace: Buffer.from('t'),
        'guardian.origin.topic': 'km.clicks.v1',
        'guardian.origin.partition': '2',
        'guardian.origin.offset': '77',
        'guardian.late.by_ms': '1500',
      },
    })
  })

  it('never take the place of a header of the record, and keep reasons short', () => {
    const theirs = { 'guardian.error.code': Buffer.from('theirs') }
    const { headers } = deadLetter(record({ headers: theirs }), ORIGIN, 'INVALID', 'x'.repeat(5_000))
    assert.deepEqual(headers?.['guardian.error.code'], [Buffer.from('theirs'), 'INVALID'])
    assert.equal(String(headers['__connect.errors.exception.message']).length, 256)
  })
})
