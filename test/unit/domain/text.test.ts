import assert from 'node:assert/strict'
import fc from 'fast-check'
import { EventIdBits } from '../../../domain/dedup/event-id.js'
import { TextSlice, unpackText } from '../../../domain/text.js'
import { propertyRuns } from './property-runs.js'

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary-ascii', maxLength: 60 }),
  fc.uuid(),
)

const onBytes = (text: string, before = 'x', after = 'é'): TextSlice => {
  const bytes = Buffer.from(before + text + after)
  const from = Buffer.byteLength(before)
  return new TextSlice().set(bytes, from, from + Buffer.byteLength(text))
}

describe('TextSlice', () => {
  it('says of bytes what it says of the string', () => {
    fc.assert(
      fc.property(anyText, anyText, (text, other) => {
        const slice = onBytes(text)
        const string = new TextSlice().setString(text)
        assert.equal(slice.hash, string.hash)
        assert.equal(slice.length, text.length)
        assert.equal(slice.hasNul, text.includes('\0'))
        assert.equal(slice.packedLength, string.packedLength)
        assert.equal(slice.packedLength >= 0, text.length <= 48 && /^[\0-\x7f]*$/.test(text))
        if (slice.packedLength >= 0) assert.equal(unpackText(slice.words, 0, slice.packedLength), text)
        if (text !== other) assert.notEqual(slice.hash, new TextSlice().setString(other).hash)
        assert.equal(String(slice), text)
      }),
      { numRuns: propertyRuns },
    )
  })

  it('reads bytes that are no UTF-8 as Node does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (raw) => {
        const bytes = Buffer.from(raw)
        const text = bytes.toString('utf8')
        const slice = new TextSlice().set(bytes, 0, bytes.length)
        assert.equal(slice.hash, new TextSlice().setString(text).hash)
        assert.equal(String(slice), text)
      }),
      { numRuns: propertyRuns },
    )
  })

  it('is read as an event id as the string is', () => {
    const [a, b] = [new EventIdBits(), new EventIdBits()]
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.uuid(),
          fc.uuid().map((id) => id.toUpperCase()),
        ),
        (text) => {
          assert.equal(a.read(onBytes(text)), b.read(text))
          assert.deepEqual([a.w0, a.w1, a.w2, a.w3], [b.w0, b.w1, b.w2, b.w3])
          assert.equal(a.read(new TextSlice().setString(text)), b.read(text))
        },
      ),
      { numRuns: propertyRuns },
    )
  })

  it('is empty at first, and another text when it is set again', () => {
    const slice = new TextSlice()
    assert.deepEqual([String(slice), slice.length, slice.packedLength], ['', 0, 0])
    slice.setString('one')
    assert.deepEqual([String(slice), slice.length], ['one', 3])
    slice.set(Buffer.from('four'), 0, 4)
    assert.deepEqual([String(slice), slice.length], ['four', 4])
  })
})
