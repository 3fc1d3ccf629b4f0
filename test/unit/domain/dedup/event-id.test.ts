import assert from 'node:assert/strict'
import fc from 'fast-check'
import { EventIdBits, eventIdText } from '../../../../domain/dedup/event-id.js'
import { TextSlice } from '../../../../domain/text.js'
import { propertyRuns } from '../property-runs.js'

const anyUuid = fc
  .string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 32, maxLength: 32 })
  .map((h) => [h.slice(0, 8), h.slice(8, 12), h.slice(12, 16), h.slice(16, 20), h.slice(20)].join('-'))

const UUID = '01234567-89ab-cdef-fedc-ba9876543210'

describe('EventIdBits', () => {
  it('reads every lower-case UUID, and eventIdText gives it back', () => {
    const bits = new EventIdBits()
    fc.assert(
      fc.property(fc.oneof(anyUuid, fc.uuid()), (uuid) => {
        assert.ok(bits.read(uuid))
        for (const word of [bits.w0, bits.w1, bits.w2, bits.w3]) assert.equal(word, word | 0, 'a 32-bit integer')
        assert.equal(eventIdText(bits.w0, bits.w1, bits.w2, bits.w3), uuid)
      }),
      {
        numRuns: propertyRuns,
        examples: [['00000000-0000-0000-0000-000000000000'], ['ffffffff-ffff-ffff-ffff-ffffffffffff']],
      },
    )
  })

  it('refuses any text that differs from a UUID in one character, as a string and as bytes', () => {
    const bits = new EventIdBits()
    const allowed = new Set('0123456789abcdef-')
    const units = Array.from({ length: 0x180 }, (_, unit) => String.fromCharCode(unit))
    // The last three have a digit or a hyphen in their lower eight bits.
    const wrongs = [...units.filter((text) => !allowed.has(text)), '-', '０', '\uFFFF', '\u0230', '\uFF61', '\u022D']
    for (let at = 0; at < UUID.length; at++)
      for (const wrong of wrongs) {
        const spoilt = UUID.slice(0, at) + wrong + UUID.slice(at + 1)
        if (spoilt === UUID) continue
        assert.equal(bits.read(spoilt), false, JSON.stringify(spoilt))
        const bytes = Buffer.from(`x${spoilt}`, wrong < '\x80' ? 'latin1' : 'utf8')
        assert.equal(bits.read(new TextSlice().set(bytes, 1, bytes.length)), false, JSON.stringify(spoilt))
      }
  })

  it('refuses bytes that are no ASCII', () => {
    const bits = new EventIdBits()
    for (let at = 0; at < UUID.length; at++) {
      const bytes = Buffer.from(UUID)
      bytes[at] = (bytes[at] ?? 0) | 0x80
      assert.equal(bits.read(new TextSlice().set(bytes, 0, bytes.length)), false, bytes.toString('latin1'))
    }
  })

  it('refuses a hyphen moved, and a text too short or too long', () => {
    const bits = new EventIdBits()
    const bare = UUID.replaceAll('-', '')
    for (const text of ['', bare, `{${UUID}}`, UUID.slice(1), `${UUID}0`, `-${bare.slice(0, 35)}`, UUID.toUpperCase()])
      assert.equal(bits.read(text), false, text)
    assert.equal(bits.read('0123456-789ab-cdef-fedc-ba9876543210'), false)
    assert.equal(bits.read('01234567-89ab-cdef-fedc-ba987654321-'), false)
  })
})
