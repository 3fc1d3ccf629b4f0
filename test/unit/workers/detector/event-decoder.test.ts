import assert from 'node:assert/strict'
import { eventOfTexts } from '../../../../domain/detection/fate.js'
import { TOPICS, type Click } from '../../../../domain/events.js'
import { createEncoder } from '../../../../platform/avro/codec.js'
import { RecordList } from '../../../../platform/kafka/record-list.js'
import { readBatchHeader } from '../../../../platform/kafka/record-batch.js'
import { PlatformError } from '../../../../platform/platform-error.js'
import { AVRO_SCHEMAS, OBSERVED_EVENT_SCHEMA } from '../../../../schemas/avro-schemas.js'
import { EventDecoder } from '../../../../workers/detector/event-decoder.js'
import { rawBatch, rawRecord } from '../../../support/raw-batch.js'

const CLICK_SCHEMA = AVRO_SCHEMAS[TOPICS.clicks] ?? ''
const CLICK: Click = {
  event_id: 'e1',
  event_ts: 1_790_000_000_000,
  ingest_ts: 1_790_000_000_005,
  source: 'test',
  session_id: 's1',
  user_id: null,
  event_type: 'checkout',
  item_id: 'i1',
  page: '/p',
  ip: null,
  user_agent: null,
  referrer: null,
}
const value = createEncoder(CLICK_SCHEMA, 7)(CLICK)

function decoder(schemaById: (id: number) => Promise<string> = () => Promise.resolve(CLICK_SCHEMA)) {
  const asked: number[] = []
  const clock = { ms: 0 }
  const made = new EventDecoder(OBSERVED_EVENT_SCHEMA('Click'), {
    schemaById: (id) => {
      asked.push(id)
      return schemaById(id)
    },
    maxRecordBytes: 10_000,
    recheckMs: 10_000,
    nowMs: () => clock.ms,
  })
  return { asked, made, clock }
}

const trace = (digit: string): string => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`

describe('EventDecoder', () => {
  it('gives what detection reads, and nothing else', async () => {
    const { made } = decoder()
    await made.learn(7)
    const { event } = made.decode(value)
    const { event_id, event_ts, ingest_ts, session_id, user_id, event_type, item_id, page, ip, user_agent } = CLICK
    const observed = { event_id, event_ts, ingest_ts, session_id, user_id, event_type, item_id, page }
    assert.ok(event)
    assert.deepEqual(eventOfTexts(event), { ...observed, client: { ip, user_agent } })
  })

  const clientBy = async (writer: string, event: object) => {
    const { made } = decoder(() => Promise.resolve(writer))
    await made.learn(7)
    const { event: read } = made.decode(createEncoder(writer, 7)(event))
    assert.ok(read, 'the event is taken')
    return read.client
  }
  const withFields = (change: (fields: { name: string; type: unknown }[]) => object[]): string => {
    const schema = JSON.parse(CLICK_SCHEMA) as { fields: { name: string; type: unknown }[] }
    return JSON.stringify({ ...schema, fields: change(schema.fields) })
  }

  it('reads the client of a click, cut to what PostgreSQL can store', async () => {
    assert.deepEqual(await clientBy(CLICK_SCHEMA, { ...CLICK, ip: '10.0.0.1', user_agent: 'curl/8' }), {
      ip: '10.0.0.1',
      user_agent: 'curl/8',
    })
    const cut = await clientBy(CLICK_SCHEMA, { ...CLICK, ip: 'a\0b', user_agent: `${'x'.repeat(255)}😀` })
    assert.deepEqual(cut, { ip: 'a\ufffdb', user_agent: `${'x'.repeat(255)}\ufffd` })
  })

  it('takes the event of a writer that has no client, or something else under its names', async () => {
    const without = withFields((fields) => fields.filter(({ name }) => name !== 'ip'))
    assert.equal(await clientBy(without, CLICK), undefined)
    const other = withFields((fields) =>
      fields.map((field) => (field.name === 'ip' ? { name: 'ip', type: 'long' } : field)),
    )
    assert.equal(await clientBy(other, { ...CLICK, ip: 7 }), undefined)
  })

  it('tells the trace of a record by its own headers, the last of several, and only one that is well-formed', async () => {
    const withMap = withFields((fields) => [...fields, { name: 'more', type: { type: 'map', values: 'string' } }])
    for (const writer of [CLICK_SCHEMA, withMap]) {
      const { made } = decoder(() => Promise.resolve(writer))
      await made.learn(7)
      const traced = [[trace('a')], [], ['x'], [trace('b'), trace('c')]].map((traces, i) =>
        rawRecord(
          {
            value: createEncoder(writer, 7)({ ...CLICK, more: {} }),
            headers: traces.map((text) => ['traceparent', Buffer.from(text)]),
          },
          i,
        ),
      )
      const content = Buffer.concat(traced)
      const header = readBatchHeader(rawBatch({ firstOffset: 0, records: 4, content }), 0)
      assert.ok(header)
      const records = RecordList.readNow(content, header)
      const found = [0, 1, 2, 3].map((i) => made.decodeAt(records, i).event?.traceparent)
      assert.deepEqual(found, [trace('a'), undefined, undefined, trace('c')])
      assert.equal(made.decode(createEncoder(writer, 7)({ ...CLICK, more: {} })).event?.traceparent, undefined)
    }
  })

  it('says which ids it has to look up, each once', async () => {
    const { made, asked } = decoder()
    const other = Buffer.from(value)
    other.writeInt32BE(9, 1)
    const values = [value, null, value, other, Buffer.alloc(3), value]
    assert.deepEqual([...made.missingIds(values)], [7, 9])
    for (const id of made.missingIds(values)) await made.learn(id)
    assert.deepEqual([...made.missingIds(values)], [])
    assert.deepEqual(asked, [7, 9])
  })

  it('looks many ids up at a time, but no more than some, and each once', async () => {
    let [underWay, most] = [0, 0]
    const { made, asked } = decoder(async () => {
      most = Math.max(most, ++underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay--
      throw new PlatformError('SCHEMA_UNKNOWN', 'no')
    })
    const ids = Array.from({ length: 500 }, (_, id) => id)
    await made.learnAll(ids)
    assert.deepEqual(
      asked.sort((a, b) => a - b),
      ids,
    )
    assert.equal(most, 32)
  })

  it('makes a dead letter of every value that is no event, and names no value', async () => {
    const { made } = decoder()
    await made.learn(7)
    const wrongEnum = Buffer.from(value)
    const at = value.indexOf(Buffer.from('\u0004i1')) - 2
    assert.equal(wrongEnum[at], 8, 'checkout is the fifth type')
    wrongEnum[at] = 10
    const cases: [string, Buffer | null, string][] = [
      ['null', null, 'DECODE'],
      ['empty', Buffer.alloc(0), 'DECODE'],
      ['wrong magic byte', Buffer.concat([Buffer.from([1]), value.subarray(1)]), 'DECODE'],
      ['unknown schema', Buffer.concat([Buffer.from([0, 0, 0, 0, 99]), value.subarray(5)]), 'DECODE'],
      ['trailing byte', Buffer.concat([value, Buffer.from([0])]), 'DECODE'],
      ['an event type that there is not', wrongEnum, 'DECODE'],
      ['too large', Buffer.concat([value, Buffer.alloc(10_000)]), 'TOO_LARGE'],
    ]
    for (const [name, bytes, code] of cases) {
      const { fault } = made.decode(bytes)
      assert.equal(fault?.code, code, name)
      assert.doesNotMatch(fault.detail, /e1|s1|i1/, name)
    }
    for (let length = 0; length < value.length; length++) assert.ok(made.decode(value.subarray(0, length)).fault)
  })

  it('asks again for an id that the registry did not have, once the answer is old', async () => {
    let isRegistered = false
    const { made, clock } = decoder(() =>
      isRegistered ? Promise.resolve(CLICK_SCHEMA) : Promise.reject(new PlatformError('SCHEMA_UNKNOWN', 'no')),
    )
    await made.learn(7)
    assert.equal(made.stateOf(7), 'unknown')
    assert.match(made.decode(value).fault?.detail ?? '', /registry has no schema 7/)
    clock.ms = 9_999
    assert.deepEqual([...made.missingIds([value])], [])
    assert.equal(made.isDue(7, 500), true, 'to whoever needs a newer answer')
    clock.ms = 10_000
    assert.deepEqual([...made.missingIds([value])], [7])
    assert.equal(made.unknownForMs(7), 10_000)
    isRegistered = true
    await made.learn(7)
    assert.equal(made.decode(value).event?.event_ts, CLICK.event_ts)
    assert.equal(made.unknownForMs(7), undefined)
    clock.ms = 1e9
    assert.deepEqual([...made.missingIds([value])], [])
  })

  it('remembers for good that a schema is no event, and says why', async () => {
    const other = decoder(() =>
      Promise.resolve('{"type":"record","name":"Other","fields":[{"name":"x","type":"int"}]}'),
    )
    await other.made.learn(7)
    assert.equal(other.made.stateOf(7), 'unreadable')
    other.clock.ms = 1e9
    assert.deepEqual([...other.made.missingIds([value])], [])
    assert.deepEqual(other.made.decode(value).fault, {
      code: 'DECODE',
      detail: 'schema 7 cannot be read as an event: the record is called Other, not Click',
    })
  })

  it('reads what a newer producer writes, and names a symbol that it does not know', async () => {
    const symbols = ['page_view', 'item_view', 'add_to_cart', 'remove_from_cart', 'checkout', 'wishlist']
    const newer = withFields((fields) =>
      fields
        .map((field) => {
          if (field.name === 'event_type') return { ...field, type: { type: 'enum', name: 'ClickType', symbols } }
          return field.name === 'event_ts' ? { ...field, type: 'double' } : field
        })
        .concat([{ name: 'coupons', type: { type: 'array', items: 'string' } }]),
    )
    const { made } = decoder(() => Promise.resolve(newer))
    await made.learn(7)
    const encode = createEncoder(newer, 7)
    const read = (change: object) => made.decode(encode({ ...CLICK, ip: '10.0.0.1', coupons: ['x'], ...change }))
    assert.equal(read({}).event?.event_ts, CLICK.event_ts)
    assert.equal(read({}).event?.client?.ip, '10.0.0.1')
    assert.match(read({ event_type: 'wishlist' }).fault?.detail ?? '', /event_type: the symbol wishlist is not known/)
    assert.match(read({ event_ts: 1.5 }).fault?.detail ?? '', /event_ts: the double is not exactly/)
  })

  it('decides nothing while the registry is away, and goes on with the ids that it knows', async () => {
    const { made } = decoder((id) =>
      id === 7 ? Promise.resolve(CLICK_SCHEMA) : Promise.reject(new PlatformError('REGISTRY_UNAVAILABLE', 'away')),
    )
    await made.learn(7)
    await assert.rejects(made.learn(8), { code: 'REGISTRY_UNAVAILABLE' })
    const other = Buffer.from(value)
    other.writeInt32BE(8, 1)
    assert.deepEqual([...made.missingIds([other])], [8], 'it is asked again')
    assert.ok(made.decode(value).event)
  })
})
