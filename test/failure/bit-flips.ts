import type { SeededRandom } from '../../cli/simulate/seeded-random.js'

/** How state is packed for the database: that of the product, or of a copy with a bug in it. */
export interface Sealing {
  readonly seal: (content: Uint8Array) => Buffer
  readonly unseal: (sealed: Buffer) => Buffer
}

/** A copy of bytes with one bit the other way. */
export function flipBit(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = bit >> 3
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit & 7)), at)
  return copy
}

/** Seals texts and flips a bit of each. @returns how many were taken as if nothing had happened */
export function undetectedFlips({ seal, unseal }: Sealing, random: SeededRandom, flips: number): number {
  let undetected = 0
  for (let n = 0; n < flips; n++) {
    const content = Buffer.from(Array.from({ length: random.whole(1, 60) }, () => random.hex32()).join(''))
    const sealed = seal(content)
    if (isTaken(unseal, flipBit(sealed, random.whole(0, sealed.length * 8 - 1)))) undetected++
  }
  return undetected
}

/** Whether damaged bytes are taken for state. */
export function isTaken(unseal: Sealing['unseal'], damaged: Buffer): boolean {
  try {
    unseal(damaged)
    return true
  } catch {
    return false // refused, which is what is asked for
  }
}
