/*
 * Hashes of texts and ids for the tables of the detection state. They never leave the process: what is decided, and what
 * is stored, does not depend on them.
 */

let seed = 0x2545f491
let multiplier = 0x85ebca6b

/**
 * Makes the hashes of this process unlike those of any other, so that nobody can choose session ids or event ids that
 * all fall into one place of a table. Call it before the first table is made.
 */
export function seedHashes(random32: number): void {
  seed = random32 | 0
  multiplier = Math.imul(random32, 0x9e3779b1) | 1
}

/** A hash of nothing yet, of a text or run of words of this length. */
export const beginHash = (length: number): number => seed ^ length

/**
 * Takes one more word in. After MurmurHash3 (Austin Appleby, public domain), with a fold between two multiplications:
 * without it, words that differ in their highest bit collide whatever the seed is.
 */
export function mixHash(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0xcc9e2d51)
  h ^= h >>> 15
  h = Math.imul(h, multiplier)
  return (h << 13) | (h >>> 19)
}

/** Spreads what was mixed over all 32 bits: tables take the lowest of them. */
export function finishHash(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return Math.imul(h ^ (h >>> 13), 0xc2b2ae35) ^ (h >>> 15)
}
