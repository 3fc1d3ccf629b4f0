import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createDecoder, createEncoder, HEADER_BYTES } from '../../../../platform/avro/codec.js'
import { propertyRuns, propertyTimeoutMs } from '../../domain/property-runs.js'

const schemaOf = (...fields: object[]): string => JSON.stringify({ type: 'record', name: 'Thing', fields })
const ID = { name: 'id', type: 'string' }
const READER = schemaOf(ID)
const with_ = (type: object) => schemaOf({ name: 'more', type }, ID)
const array = (items: unknown) => ({ type: 'array', items })
const map = (values: unknown) => ({ type: 'map', values })

/** An Avro long. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let left = (BigInt(value) << 1n) ^ (BigInt(value) >> 63n)
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128)
  return [...bytes, Number(left)]
}

const valueOf = (more: readonly number[]): Buffer =>
  Buffer.from([...Buffer.alloc(HEADER_BYTES), ...more, ...varint(1), 'x'.charCodeAt(0)])

describe('the blocks of arrays and maps', () => {
  const [none, oneString] = [varint(0), [...varint(1), 'a'.charCodeAt(0)]]
  const whole: readonly (readonly [string, object, readonly number[]])[] = [
    ['an empty array', array('null'), none],
    ['two blocks', array('string'), [...varint(2), ...oneString, ...oneString, ...varint(1), ...oneString, ...none]],
    ['a block that says its length', array('string'), [...varint(-1), ...varint(2), ...oneString, ...none]],
    ['a map', map('string'), [...varint(1), ...oneString, ...oneString, ...none]],
    ['a list in a list', array(array('string')), [...varint(1), ...varint(1), ...oneString, ...none, ...none]],
  ]
  for (const [what, type, more] of whole)
    it(`are read and stepped over: ${what}`, () => {
      assert.deepEqual({ ...(createDecoder(READER, with_(type))(valueOf(more)) as object) }, { id: 'x' })
      assert.ok(createDecoder(with_(type), with_(type))(valueOf(more)))
    })

  // Each of these keeps avsc alone busy for as long as its number says, or for ever.
  const MANY = 30_000_000
  const lists = Array.from({ length: 40 }, () => [...varint(40), ...none])
  const refused: readonly (readonly [string, object, readonly number[]])[] = [
    ['more items than bytes, of no bytes each', array('null'), [...varint(MANY), ...none]],
    ['more items than bytes', array('string'), [...varint(MANY), ...oneString]],
    ['more entries than bytes', map('string'), [...varint(MANY), ...oneString, ...oneString]],
    ['as many in each of many lists', array(array('null')), [...varint(lists.length), ...lists.flat(), ...none]],
    ['more items than a number can say', array('null'), [...varint(2 ** 53), ...none]],
    ['a block that says it is longer than the value', array('string'), [...varint(-1), ...varint(1_000), ...oneString]],
  ]
  for (const [what, type, more] of refused)
    it(`are refused: ${what}`, () => {
      assert.throws(() => createDecoder(READER, with_(type))(valueOf(more)), RangeError)
    })

  it('are refused when the length of a block leads back to where it began', () => {
    const more = [...varint(-1), ...varint(-2), ...none]
    assert.throws(() => createDecoder(READER, with_(array('string')))(valueOf(more)), RangeError)
  })

  it('have the items that were written, whatever they are', () => {
    const type = { type: 'record', name: 'More', fields: [{ name: 'list', type: array(map('string')) }, { name: 'n', type: array('int') }] } // prettier-ignore
    const schema = with_(type)
    const [encode, decode] = [createEncoder(schema, 1), createDecoder(schema, schema)]
    const anything = fc.record({
      id: fc.string(),
      more: fc.record({ list: fc.array(fc.dictionary(fc.string(), fc.string())), n: fc.array(fc.integer()) }),
    })
    fc.assert(
      fc.property(anything, (value) => {
        const copy = JSON.parse(JSON.stringify(value)) as object
        assert.deepEqual(JSON.parse(JSON.stringify(decode(encode(value)))), copy)
      }),
      { numRuns: propertyRuns },
    )
  }).timeout(propertyTimeoutMs)
})
