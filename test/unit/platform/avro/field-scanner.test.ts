import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TOPICS } from '../../../../domain/events.js'
import { createDecoder, createEncoder } from '../../../../platform/avro/codec.js'
import { FieldScanner } from '../../../../platform/avro/field-scanner.js'
import { AVRO_SCHEMAS, OBSERVED_EVENT_SCHEMA } from '../../../../schemas/avro-schemas.js'
import { propertyRuns } from '../../domain/property-runs.js'

const WRITER = AVRO_SCHEMAS[TOPICS.clicks] ?? ''
const READER = OBSERVED_EVENT_SCHEMA('Click')
const encode = createEncoder(WRITER, 7)
const decode = createDecoder(READER, WRITER)

const anyText = fc.string({ unit: 'grapheme', maxLength: 100 })
const anyTextOrNull = fc.option(anyText)
const anyTime = fc.integer({ min: -(2 ** 51), max: 2 ** 51 })
const anyClick = fc.record({
  event_id: anyText,
  event_ts: anyTime,
  ingest_ts: anyTime,
  source: anyText,
  session_id: anyText,
  user_id: anyTextOrNull,
  event_type: fc.constantFrom('page_view', 'item_view', 'add_to_cart', 'remove_from_cart', 'checkout'),
  item_id: anyTextOrNull,
  page: anyText,
  ip: anyTextOrNull,
  user_agent: anyTextOrNull,
  referrer: anyTextOrNull,
})

function scanner(): FieldScanner {
  const made = FieldScanner.of(READER, WRITER)
  assert.ok(made)
  return made
}

/** The values of the decoder, or undefined when it refuses. */
function decoded(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    return decode(bytes) as Record<string, unknown> | undefined
  } catch (error) {
    assert.ok(error instanceof Error)
    return undefined
  }
}

/** What the scanner takes, the decoder takes, with the same values. */
function agree(found: FieldScanner, bytes: Buffer): boolean {
  if (!found.scan(bytes)) return false
  const value = decoded(bytes)
  assert.ok(value, 'the decoder refuses it')
  for (const [i, name] of found.names.entries()) {
    if (name === 'event_type') continue
    const from = found.froms[i] ?? -1
    const text = from < 0 ? null : bytes.toString('utf8', from, found.tos[i])
    assert.deepEqual(name.endsWith('_ts') ? found.longs[i] : text, value[name], name)
  }
  return true
}

describe('FieldScanner', () => {
  it('finds what the decoder decodes', () => {
    const found = scanner()
    fc.assert(
      fc.property(anyClick, (click) => {
        const isFar = [click.event_ts, click.ingest_ts].some((at) => Math.abs(at) >= 2 ** 48)
        assert.ok(agree(found, encode(click)) || isFar, 'only times that need more than seven bytes are left to it')
      }),
      { numRuns: propertyRuns },
    )
  })

  it('takes no bytes that the decoder refuses: bytes changed, inserted, left out, cut off, added', () => {
    const found = scanner()
    const anyByte = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 0x7f, 0x80, 0xff), fc.nat({ max: 255 }))
    const anyChange = fc.record({
      kind: fc.constantFrom('set', 'insert', 'remove', 'cut'),
      at: fc.nat({ max: 400 }),
      byte: anyByte,
    })
    let taken = 0
    let refused = 0
    fc.assert(
      fc.property(anyClick, fc.array(anyChange, { minLength: 1, maxLength: 4 }), (click, changes) => {
        const bytes = [...encode(click)]
        for (const { kind, at, byte } of changes) {
          const place = 5 + (at % Math.max(1, bytes.length - 4))
          if (kind === 'cut') bytes.length = Math.min(bytes.length, place)
          else bytes.splice(place, kind === 'insert' ? 0 : 1, ...(kind === 'remove' ? [] : [byte]))
        }
        if (agree(found, Buffer.from(bytes))) taken++
        else refused++
      }),
      { numRuns: propertyRuns * 5 },
    )
    assert.ok(taken > 0 && refused > 0, `${taken} taken, ${refused} refused`)
  })

  it('leaves a symbol to the decoder that the reader does not know, and takes those before it', () => {
    const kinds = (...symbols: string[]) =>
      JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'k', type: { type: 'enum', name: 'K', symbols } }] })
    const writer = kinds('two', 'one', 'three')
    const found = FieldScanner.of(kinds('one', 'two'), writer)
    const taken = ['two', 'one', 'three'].map((k) => found?.scan(createEncoder(writer, 1)({ k })))
    assert.deepEqual(taken, [true, true, false])
  })

  it('takes nothing of any bytes that the decoder does not take', () => {
    const found = scanner()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        agree(found, Buffer.concat([Buffer.alloc(5), body]))
      }),
      { numRuns: propertyRuns },
    )
  })

  it('leaves schemas to the decoder that it does not know whole', () => {
    const field = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more })
    const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'R', fields })
    const a = record(field('a', 'string'))
    const kinds = (...symbols: string[]) => field('k', { type: 'enum', name: 'K', symbols })
    assert.ok(
      FieldScanner.of(a, record(field('b', { type: 'long', logicalType: 'timestamp-millis' }), field('a', 'string'))),
    )
    for (const [reader, writer] of [
      [a, record(field('a', 'bytes'))],
      [a, record(field('a', ['null', 'string']))],
      [a, record(field('a', 'string'), field('b', 'double'))],
      [a, record(field('a', 'string'), field('b', ['string', 'null']))],
      [record(field('a', 'long')), record(field('a', 'int'))],
      [record(field('a', 'string'), field('b', 'string', { default: '' })), a],
      [record(field('x', 'string', { aliases: ['a'] })), a],
      [record(field('k', { type: 'enum', name: 'K', symbols: ['one'], default: 'one' })), record(kinds('one', 'two'))],
      ['"string"', '"string"'],
    ] as const)
      assert.equal(FieldScanner.of(reader, writer), undefined, writer)
  })
})
