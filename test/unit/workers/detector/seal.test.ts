import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { takePiece } from '../../../../domain/detection/snapshot/piece.js'
import { seal, sealInPlace, unseal } from '../../../../workers/detector/seal.js'

describe('seal', () => {
  it('gives back what was sealed', () => {
    for (const content of [Buffer.alloc(0), randomBytes(10_000), Buffer.alloc(100_000, 7)])
      assert.deepEqual(unseal(seal(content)), content)
  })

  it('is put around a piece where it lies, in the room that the piece has in front of it', () => {
    const detector = new PartitionDetector({ allowedLatenessMs: 0, maxFutureSkewMs: 0 }, [])
    const { bytes } = takePiece(detector, true)
    const sealed = sealInPlace(bytes)
    assert.equal(sealed.buffer, bytes.buffer)
    assert.deepEqual(sealed, seal(bytes))
    assert.deepEqual(unseal(sealed), Buffer.from(bytes))
    assert.throws(() => sealInPlace(new Uint8Array(10)), RangeError)
  })

  it('is broken by any one bit, and by every cut', () => {
    const sealed = seal(randomBytes(300))
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const damaged = Buffer.from(sealed)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.throws(() => unseal(damaged), { code: 'GRD_SNAPSHOT_REFUSED' }, `bit ${bit}`)
    }
    for (let length = 0; length < sealed.length; length++)
      assert.throws(() => unseal(sealed.subarray(0, length)), { code: 'GRD_SNAPSHOT_REFUSED' }, `${length} bytes`)
  })
})
