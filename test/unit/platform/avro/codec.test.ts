import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createDecoder, createEncoder, HEADER_BYTES, schemaIdOf } from '../../../../platform/avro/codec.js'
import { propertyRuns } from '../../domain/property-runs.js'

const field = (name: string, type: unknown) => ({ name, type })
const record = (...fields: object[]): string =>
  JSON.stringify({ type: 'record', name: 'Thing', namespace: 'test', fields })

const WRITER = record(
  field('id', 'string'),
  field('at', { type: 'long', logicalType: 'timestamp-millis' }),
  field('kind', { type: 'enum', name: 'Kind', symbols: ['red', 'green'] }),
  field('note', ['null', 'string']),
  field('size', 'int'),
  field('last', 'string'),
)
const READER = record(field('id', 'string'), field('at', 'long'), field('note', ['null', 'string']))

const anyThing = fc.record(
  {
    id: fc.string({ unit: 'grapheme', maxLength: 12 }),
    at: fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
    kind: fc.constantFrom('red', 'green'),
    note: fc.option(fc.string({ unit: 'grapheme' })),
    size: fc.integer(),
    last: fc.string({ unit: 'grapheme' }),
  },
  { noNullPrototype: true },
)

const EXAMPLE = { id: 'a-1', at: 1_790_000_000_000, kind: 'green', note: 'n', size: -5, last: 'end' }

/** The value, or undefined when the bytes are refused in either way. */
function valueOf(decode: (bytes: Buffer) => unknown, bytes: Buffer): unknown {
  try {
    return decode(bytes)
  } catch (error) {
    assert.ok(error instanceof Error)
    return undefined
  }
}

describe('createEncoder', () => {
  it('puts byte 0 and the schema id, big-endian, in front', () => {
    const bytes = createEncoder(WRITER, 0x01_02_03_04)(EXAMPLE)
    assert.deepEqual([...bytes.subarray(0, HEADER_BYTES)], [0, 1, 2, 3, 4])
    assert.deepEqual([...bytes.subarray(HEADER_BYTES, HEADER_BYTES + 4)], [6, ...Buffer.from('a-1')])
    assert.equal(schemaIdOf(bytes), 0x01_02_03_04)
  })

  it('refuses a value that does not fit the schema', () => {
    assert.throws(() => createEncoder(WRITER, 1)({ ...EXAMPLE, size: 'large' }))
    assert.throws(() => createEncoder(WRITER, 1)({ ...EXAMPLE, kind: 'blue' }))
  })
})

describe('schemaIdOf', () => {
  it('is undefined for what is not in the Confluent format', () => {
    for (const bytes of [[], [0], [0, 0, 0, 1], [1, 0, 0, 0, 1, 0], [0x7b, 0x22, 0x61, 0x22, 0x3a]])
      assert.equal(schemaIdOf(Buffer.from(bytes)), undefined)
  })

  it('reads ids of all 32 bits', () => {
    assert.equal(schemaIdOf(Buffer.from([0, 0xff, 0xff, 0xff, 0xff])), 4_294_967_295)
  })
})

describe('createDecoder', () => {
  const encode = createEncoder(WRITER, 7)
  const whole = createDecoder(WRITER, WRITER)
  const part = createDecoder(READER, WRITER)

  it('gives back what was written, and with a reader schema only what that names', () => {
    fc.assert(
      fc.property(anyThing, (thing) => {
        const bytes = encode(thing)
        assert.deepEqual({ ...(whole(bytes) as object) }, thing)
        const { id, at, note } = thing
        assert.deepEqual({ ...(part(bytes) as object) }, { id, at, note })
      }),
      { numRuns: propertyRuns },
    )
  })

  it('reads what an older or newer writer wrote', () => {
    const older = record(field('at', 'long'), field('id', 'string'))
    const newer = record(
      field('id', 'string'),
      { ...field('added', ['null', 'string']), default: null },
      field('at', 'long'),
    )
    const bytes = createEncoder(older, 1)({ at: 5, id: 'x' })
    assert.deepEqual({ ...(createDecoder(newer, older)(bytes) as object) }, { id: 'x', added: null, at: 5 })
  })

  it('refuses schemas that do not resolve, at creation', () => {
    assert.throws(() => createDecoder(record(field('id', 'string'), field('must', 'string')), WRITER))
    assert.throws(() => createDecoder(record(field('id', 'long')), WRITER))
    assert.throws(() => createDecoder(READER, '"string"'))
    assert.throws(() => createDecoder(READER, 'not json'))
  })

  it('is undefined for bytes after the end', () => {
    fc.assert(
      fc.property(anyThing, fc.uint8Array({ minLength: 1, maxLength: 20 }), (thing, more) => {
        const bytes = Buffer.concat([encode(thing), more])
        assert.equal(part(bytes), undefined)
        assert.equal(whole(bytes), undefined)
      }),
      { numRuns: propertyRuns },
    )
  })

  it('never gives a value for bytes cut off anywhere', () => {
    fc.assert(
      fc.property(anyThing, (thing) => {
        const bytes = encode(thing)
        for (let length = 0; length < bytes.length; length++) {
          assert.equal(valueOf(part, bytes.subarray(0, length)), undefined, `${length} of ${bytes.length} bytes`)
          // Cut off from a larger buffer, and alone in its own memory.
          assert.equal(valueOf(whole, Buffer.from(bytes.subarray(0, length))), undefined)
        }
      }),
      { numRuns: Math.ceil(propertyRuns / 5) },
    )
  })

  it('gives a value or refuses, and never fails otherwise, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        const bytes = Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), body])
        const value = valueOf(part, bytes)
        if (value !== undefined) assert.equal(typeof (value as { id: unknown }).id, 'string')
      }),
      { numRuns: propertyRuns },
    )
  })

  it('refuses lengths that are negative or longer than the bytes', () => {
    const text = Buffer.from('aaaa')
    for (const length of [[1], [3], [0xff, 0xff, 0xff, 0xff, 0x0f]])
      assert.equal(valueOf(part, Buffer.concat([Buffer.alloc(5), Buffer.from(length), text])), undefined)
  })

  it('refuses a symbol or branch that the writer does not have, in fields that are read', () => {
    const bytes = encode(EXAMPLE)
    const kindAt = HEADER_BYTES + 1 + 3 + 6
    assert.equal(bytes[kindAt], 2, 'the enum symbol')
    for (const wrong of [4, 3, 0x7e]) {
      const spoilt = Buffer.from(bytes)
      spoilt[kindAt] = wrong
      assert.equal(valueOf(whole, spoilt), undefined, `symbol ${wrong}`)
      spoilt[kindAt] = 2
      spoilt[kindAt + 1] = wrong
      assert.equal(valueOf(part, spoilt), undefined, `branch ${wrong}`)
    }
  })
})
