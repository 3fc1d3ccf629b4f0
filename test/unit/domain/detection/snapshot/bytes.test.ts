import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ByteReader, ByteWriter } from '../../../../../domain/detection/snapshot/bytes.js'
import { propertyRuns } from '../../property-runs.js'

const anyPart = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant('i32' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double() }),
  fc.record({ kind: fc.constant('raw' as const), value: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }) }),
)

describe('ByteWriter and ByteReader', () => {
  it('gives back what was written, and nothing after it', () => {
    fc.assert(
      fc.property(fc.array(anyPart), (parts) => {
        const writer = new ByteWriter()
        for (const { kind, value } of parts) {
          if (kind === 'raw') writer.raw(value)
          else if (kind === 'text') writer.text(value)
          else writer[kind](value)
        }
        const bytes = writer.finish()
        assert.equal(bytes.length, writer.length)
        const reader = new ByteReader(bytes)
        for (const { kind, value } of parts) assert.deepEqual(reader[kind](), value)
        assert.ok(reader.done)
        assert.throws(() => reader.u8(), RangeError)
      }),
      { numRuns: propertyRuns },
    )
  })

  it('grows past its first size, also for one large part', () => {
    const writer = new ByteWriter()
    writer.u8(9)
    writer.raw(new Uint8Array(1_000_000).fill(7))
    const reader = new ByteReader(writer.finish())
    assert.equal(reader.u8(), 9)
    assert.ok(reader.raw().every((byte) => byte === 7))
  })

  it('refuses a length that is negative or runs past the end', () => {
    for (const length of [-1, 5, 2 ** 31 - 1]) {
      const writer = new ByteWriter()
      writer.i32(length)
      assert.throws(() => new ByteReader(writer.finish()).raw(), RangeError)
    }
  })
})
