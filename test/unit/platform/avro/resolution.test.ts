import assert from 'node:assert/strict'
import { createEncoder } from '../../../../platform/avro/codec.js'
import { createResolvingDecoder, resolveSchemas } from '../../../../platform/avro/resolution.js'

type Field = readonly [name: string, type: unknown, preset?: unknown]

const record = (fields: readonly Field[], name = 'km.Thing'): string =>
  JSON.stringify({
    type: 'record',
    name,
    fields: fields.map(([name, type, preset]) => ({
      name,
      type,
      ...(preset === undefined ? {} : { default: preset }),
    })),
  })

/** What one reader's field gets from one writer's value. */
function read(reader: unknown, writer: unknown, value: unknown): unknown {
  const [readerText, writerText] = [record([['x', reader]]), record([['x', writer]])]
  return createResolvingDecoder(readerText, writerText)(createEncoder(writerText, 1)({ x: value }))?.['x']
}

const problemOf = (reader: unknown, writer: unknown): string | undefined =>
  resolveSchemas(record([['x', reader]]), record([['x', writer]])).fields[0]?.problem

const enumOf = (...symbols: string[]) => ({ type: 'enum', name: 'E', symbols })

describe('resolveSchemas', () => {
  it('promotes numbers, and text to and from bytes', () => {
    for (const writer of ['int', 'long']) assert.equal(read('long', writer, 7), 7)
    for (const writer of ['int', 'long', 'float', 'double']) assert.equal(read('double', writer, 7), 7)
    assert.equal(read('string', 'bytes', Buffer.from('é')), 'é')
    assert.equal(read({ type: 'long', logicalType: 'timestamp-millis' }, 'int', 7), 7)
    assert.equal(read('long', { type: 'long', logicalType: 'timestamp-millis' }, 7), 7)
  })

  it('reads a wider number that is exactly a narrower one, and no other', () => {
    assert.equal(read('long', 'double', 1_999), 1_999)
    assert.equal(read('int', 'long', -(2 ** 31)), -(2 ** 31))
    for (const value of [0.1, Number.NaN, Infinity, 2 ** 53])
      assert.throws(() => read('long', 'double', value), /x: the double/)
    assert.throws(() => read('int', 'long', 2 ** 31), /x: the long is not exactly a number of type int/)
    assert.deepEqual(resolveSchemas(record([['x', 'int']]), record([['x', 'long']])).fields[0]?.limits, [
      'a long that is not exactly a number of type int',
    ])
  })

  it('reads symbols by name, whatever their order, and names one that it does not know', () => {
    assert.equal(read(enumOf('A', 'B'), enumOf('C', 'B', 'A'), 'B'), 'B')
    assert.throws(() => read(enumOf('A', 'B'), enumOf('C', 'B', 'A'), 'C'), /x: the symbol C is not known/)
    assert.deepEqual(
      resolveSchemas(record([['x', enumOf('A')]]), record([['x', enumOf('A', 'B', 'C')]])).fields[0]?.limits,
      ['the symbol B', 'the symbol C'],
    )
  })

  it("reads the enum's default for a symbol that it does not know, where the reader has one", () => {
    const reader = { ...enumOf('A', 'B'), default: 'B' }
    assert.deepEqual([read(reader, enumOf('A', 'C'), 'C'), read(reader, enumOf('A', 'C'), 'A')], ['B', 'A'])
  })

  it('resolves a union branch by branch, on either side', () => {
    assert.equal(read(['null', 'string'], 'string', 'a'), 'a')
    assert.equal(read(['null', 'string'], ['string', 'null'], null), null)
    assert.equal(read('string', ['null', 'string'], 'a'), 'a')
    assert.throws(() => read('string', ['null', 'string'], null), /x: a value of type null cannot be read as string/)
    assert.equal(read('string', ['bytes', 'null'], Buffer.from('b')), 'b')
    assert.equal(read(['null', 'long'], ['null', 'int'], 3), 3)
    const types = ['null', enumOf('A', 'B')]
    assert.equal(read(enumOf('A'), types, 'A'), 'A')
    assert.throws(() => read(enumOf('A'), types, 'B'), /the symbol B/)
  })

  it('fills in defaults for fields that the writer does not have, and skips those that only the writer has', () => {
    const reader = record([
      ['a', 'string'],
      ['b', ['null', 'string'], null],
      ['c', ['string', 'null'], 'preset'],
      ['d', 'int', 4],
    ])
    const writer = record([
      ['more', { type: 'map', values: 'double' }],
      ['a', 'string'],
      ['huge', 'long'],
    ])
    const value = createResolvingDecoder(reader, writer)(createEncoder(writer, 1)({ more: { x: 1 }, a: 'A', huge: 1 }))
    assert.deepEqual(value, { a: 'A', b: null, c: 'preset', d: 4 })
  })

  it('says field by field what cannot be read', () => {
    const reader = record([
      ['a', 'string'],
      ['b', 'long'],
      ['c', 'string'],
      ['d', enumOf('A')],
    ])
    const writer = record([
      ['a', 'string'],
      ['b', 'string'],
      ['d', 'string'],
    ])
    const { fields } = resolveSchemas(reader, writer)
    assert.deepEqual(
      fields.map(({ field, problem }) => [field, problem]),
      [
        ['a', undefined],
        ['b', 'string cannot be read as long'],
        ['c', 'the field is missing, and there is no default'],
        ['d', 'string cannot be read as enum km.E'],
      ],
    )
    assert.throws(() => createResolvingDecoder(reader, writer), /b: string cannot.*; c: the field is missing/)
    assert.match(
      resolveSchemas(reader, record([['a', 'string']], 'km.Other')).problem ?? '',
      /called km.Other, not Thing/,
    )
    assert.equal(resolveSchemas(reader, '"string"').problem, 'it is no record but string')
    assert.equal(
      resolveSchemas(record([]), record([], 'other.space.Thing')).problem,
      undefined,
      'Avro compares the name alone',
    )
    assert.throws(() => resolveSchemas(reader, '{"type":"nothing"}'))
    for (const writer of ['boolean', { type: 'array', items: 'string' }, ['null', 'boolean']])
      assert.match(problemOf('string', writer) ?? '', /cannot be read as string/)
  })

  it('gives nothing for bytes that are missing or left over', () => {
    const schema = record([['a', 'string']])
    const decode = createResolvingDecoder(schema, schema)
    const bytes = createEncoder(schema, 1)({ a: 'text' })
    assert.deepEqual(decode(bytes), { a: 'text' })
    assert.equal(decode(Buffer.concat([bytes, Buffer.alloc(1)])), undefined)
    assert.equal(decode(bytes.subarray(0, -1)), undefined)
  })

  it('finds a type that a field it does not read has defined', () => {
    const writer = record([
      ['first', enumOf('A', 'B')],
      ['x', 'E'],
    ])
    const decode = createResolvingDecoder(record([['x', enumOf('A', 'B')]]), writer)
    assert.deepEqual(decode(createEncoder(writer, 1)({ first: 'A', x: 'B' })), { x: 'B' })
  })
})
