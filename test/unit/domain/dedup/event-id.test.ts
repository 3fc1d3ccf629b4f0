import assert from 'node:assert/strict'
import fc from 'fast-check'
import { EventIdBits, eventIdText } from '../../../../domain/dedup/event-id.js'
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

  it('refuses any text that differs from a UUID in one character', () => {
    const bits = new EventIdBits()
    for (let at = 0; at < UUID.length; at++)
      for (const wrong of ['A', 'F', 'g', '/', ':', '`', '_', ' ', '-', '\0', 'é', '０', '\uFFFF']) {
        const spoilt = UUID.slice(0, at) + wrong + UUID.slice(at + 1)
        if (spoilt !== UUID) assert.equal(bits.read(spoilt), false, JSON.stringify(spoilt))
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
